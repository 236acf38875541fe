"""What completion offers, and the questions whose answers would complete the offer."""

from collections.abc import Callable, Sequence

import click
from attrs import evolve, field, frozen

from atoll._plugins import Origin
from atoll._records import Candidate


@frozen
class NamesOf:
    """The names of a kind, see :class:`~atoll.Completion`. They come from the cluster of `profile`;
    empty for the one in use.
    """

    kind: str
    profile: str = ""


@frozen
class PathsIn:
    """The content of a folder in something, such as a session, that has a name of this kind."""

    kind: str
    within: str
    folder: str
    profile: str = ""


@frozen
class ValuesOf:
    """The answer of a parameter's own `shell_complete`, after these words of its command."""

    origin: Origin
    command: click.Command
    parameter: click.Parameter
    words: tuple[str, ...]
    typed: str
    profile: str = field(default="", init=False)
    """Empty: the parameter does not know the profile of the line."""


Query = NamesOf | PathsIn | ValuesOf


@frozen
class Offer:
    """The candidates at a place, and the questions whose answers are used.

    `find` returns the candidates, the best first. It reads folders and searches long lists, so call
    it in a thread.
    """

    find: Callable[[], Sequence[Candidate]] = tuple
    queries: tuple[Query, ...] = ()

    @property
    def found(self) -> Sequence[Candidate]:
        """The candidates, searched now."""
        return self.find()

    def changed(self, change: Callable[[Sequence[Candidate]], Sequence[Candidate]]) -> "Offer":
        """Return an offer whose candidates are changed by a function."""
        find = self.find
        return evolve(self, find=lambda: change(find()))
