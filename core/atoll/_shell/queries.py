"""The candidates of completion, and the questions whose answers would add more."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click
from attrs import evolve, field, frozen

from atoll._plugins import Origin
from atoll._records import Candidate

if TYPE_CHECKING:
    from atoll._shell.cursor_place import CursorPlace


@frozen
class NamesOf:
    """The names of a kind (:class:`~atoll.Completion`). They come from the cluster of `profile`;
    empty means the profile in use.
    """

    kind: str
    profile: str = ""


@frozen
class PathsIn:
    """The content of a folder in something, such as a session, whose name is of this kind."""

    kind: str
    within: str
    folder: str
    profile: str = ""


@frozen
class ValuesOf:
    """The result of a parameter's own `shell_complete`, after these words of its command."""

    origin: Origin
    command: click.Command
    parameter: click.Parameter
    words: tuple[str, ...]
    typed: str
    profile: str = field(default="", init=False)
    """Always empty, since the parameter does not know the profile of the line."""


Query = NamesOf | PathsIn | ValuesOf


@frozen
class Offer:
    """The candidates at a place, and the questions whose answers they depend on.

    `find` returns the candidates, the best first. It reads folders and searches long lists, so call
    it in a thread.
    """

    find: Callable[[], Sequence[Candidate]] = tuple
    queries: tuple[Query, ...] = ()
    where: "CursorPlace | None" = None
    """The place where a candidate is inserted, if it is not the one that was asked about."""

    @property
    def found(self) -> Sequence[Candidate]:
        """The candidates, from a search now."""
        return self.find()

    def changed(self, change: Callable[[Sequence[Candidate]], Sequence[Candidate]]) -> "Offer":
        """Return an offer whose candidates are changed by the function."""
        find = self.find
        return evolve(self, find=lambda: change(find()))
