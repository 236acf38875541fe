"""What completion offers, and what it would have to know to offer more: values, all of them."""

from collections.abc import Callable, Sequence

import click
from attrs import evolve, field, frozen

from atoll._plugins import Origin
from atoll._records import Candidate


@frozen
class NamesOf:
    """The names of a kind, as :class:`~atoll.Completion` has kinds. `profile` is whose cluster
    tells them, empty for the one in use.
    """

    kind: str
    profile: str = ""


@frozen
class PathsIn:
    """What lies in a folder of something, of which a kind of name tells."""

    kind: str
    within: str
    folder: str
    profile: str = ""


@frozen
class ValuesOf:
    """What a parameter's own `shell_complete` says, after these words of its command."""

    origin: Origin
    command: click.Command
    parameter: click.Parameter
    words: tuple[str, ...]
    typed: str
    profile: str = field(default="", init=False)
    """None: it is not told which profile the line goes to."""


Want = NamesOf | PathsIn | ValuesOf


@frozen
class Offer:
    """What may stand at a place, and what was looked for to say so.

    `find` returns it, best first: it reads folders and looks through long lists, so it is for a
    thread.
    """

    find: Callable[[], Sequence[Candidate]] = tuple
    wants: tuple[Want, ...] = ()

    @property
    def found(self) -> Sequence[Candidate]:
        """What may stand there, looked for now."""
        return self.find()

    def changed(self, change: Callable[[Sequence[Candidate]], Sequence[Candidate]]) -> "Offer":
        """Return an offer of what `change` makes of this one's candidates."""
        find = self.find
        return evolve(self, find=lambda: change(find()))
