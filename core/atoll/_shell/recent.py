"""Remembers which words were used last: of several candidates, these are offered first."""

from collections.abc import Sequence

from attrs import define, field

from atoll._records import Candidate
from atoll._tokens import scan

_LINES = 1000
"""How many of the newest lines of the history are read for it."""


@define
class Recent:
    """The words of lines, the last used first."""

    _used: dict[str, int] = field(factory=dict)
    """The place of each word's latest use, counted in words."""
    _count: int = 0
    _lines: list[str] = field(factory=list)
    """Lines whose words have not been read yet, the oldest first."""

    def note(self, lines: Sequence[str]) -> None:
        """Add lines that were run, oldest first; they are split when that is needed."""
        self._lines = [*self._lines, *lines][-_LINES:]

    def first(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Put the candidates that were used last first; the others keep their order."""
        self._read()
        return sorted(found, key=lambda one: -self._used.get(one.text, 0))

    def _read(self) -> None:
        lines, self._lines = self._lines, []
        for token in (token for line in lines for token in scan(line)):
            if token.kind == "word":
                self._count += 1
                self._used[token.value] = self._count
