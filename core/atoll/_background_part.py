"""A part of a line that runs in the background."""

from attrs import frozen

from atoll._syntax import AndOr, SimpleCommand
from atoll._variables import Variables


@frozen
class BackgroundPart:
    """A part of a line, with a copy of the variables at its start. `files` are the files that
    `source` was running there, the innermost last.
    """

    node: SimpleCommand | AndOr
    variables: Variables
    files: tuple[str, ...] = ()

    @property
    def system(self) -> str:
        """The system command, if the part is one; else empty."""
        return self.node.system if isinstance(self.node, SimpleCommand) else ""
