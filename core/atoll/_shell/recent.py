"""Which words were used of late: what is offered first of several that fit."""

from collections.abc import Sequence

from attrs import define, field

from atoll._records import Candidate
from atoll._tokens import scan

_LINES = 1000
"""How many of the newest lines of the history are read for it."""


@define
class Recent:
    """The words of lines, by how lately they were used."""

    _used: dict[str, int] = field(factory=dict)
    """The place of each word's latest use, counted in words."""
    _count: int = 0
    _lines: list[str] = field(factory=list)
    """Lines whose words have not been read yet, the oldest first."""

    def note(self, lines: Sequence[str]) -> None:
        """Take lines that were run, the oldest first; they are read when that is needed."""
        self._lines = [*self._lines, *lines][-_LINES:]

    def first(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Put those first that were used last; the others stay in their order."""
        self._read()
        return sorted(found, key=lambda one: -self._used.get(one.text, 0))

    def _read(self) -> None:
        lines, self._lines = self._lines, []
        for token in (token for line in lines for token in scan(line)):
            if token.kind == "word":
                self._count += 1
                self._used[token.value] = self._count
