"""Remembers the words that were used last; completion offers these first."""

from collections.abc import Sequence

from attrs import define, field

from atoll._records import Candidate
from atoll._tokens import scan

_LINES = 1000
"""How many of the newest lines of the history are read."""


@define
class Recent:
    """The words of lines, in order of their latest use."""

    _used: dict[str, int] = field(factory=dict)
    """The number of each word's latest use, counted in words."""
    _count: int = 0
    _lines: list[str] = field(factory=list)
    """Lines whose words have not been read yet, the oldest first."""

    def note(self, lines: Sequence[str]) -> None:
        """Add lines that were run, oldest first; they are split into words only when needed."""
        self._lines = [*self._lines, *lines][-_LINES:]

    def first(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Sort the candidates: those used last come first; the others keep their order."""
        self._read()
        return sorted(found, key=lambda one: -self._used.get(one.text, 0))

    def _read(self) -> None:
        lines, self._lines = self._lines, []
        for token in (token for line in lines for token in scan(line)):
            if token.kind == "word":
                self._count += 1
                self._used[token.value] = self._count
