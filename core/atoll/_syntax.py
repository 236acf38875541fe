"""The nodes of parsed lines."""

from attrs import frozen

from atoll._errors import UsageError
from atoll._words import Word


class LineError(UsageError):
    """A line that can't be parsed; `incomplete` if further lines may complete it."""

    def __init__(
        self, message: str, line: int, *, incomplete: bool = False, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.incomplete = incomplete


@frozen(kw_only=True)
class SimpleCommand:
    """A command whose variables are not replaced yet.

    With `first`, only the first record that it emits is used. `quoted` says whether its first word
    has quotes.
    """

    words: tuple[Word, ...]
    line: int = 1
    text: str = ""
    source: Word | None = None
    target: Word | None = None
    append: bool = False
    pipe: str = ""
    system: str = ""
    background: bool = False
    first: bool = False
    quoted: bool = False


@frozen(kw_only=True)
class Let:
    """`let NAME = VALUE`: stores the output of a command, or a text, in a variable."""

    name: str
    value: SimpleCommand
    line: int = 1
    text: str = ""


@frozen(kw_only=True)
class For:
    """`for NAME in VALUES { … }`: runs the body once for each value."""

    name: str
    values: tuple["Word | SimpleCommand", ...]
    body: tuple["Node", ...]
    line: int = 1
    text: str = ""


@frozen(kw_only=True)
class Jump:
    """`break` or `continue`, in the body of a `for`."""

    word: str
    line: int = 1
    text: str = ""


@frozen(kw_only=True)
class AndOr:
    """Nodes that are joined by `&&` and `||`, each with the mark before it; the first one has
    none.
    """

    parts: tuple[tuple[str, "Node"], ...]
    line: int = 1
    text: str = ""
    background: bool = False


Node = SimpleCommand | Let | For | Jump | AndOr
