"""The line below the prompt, drawn from what plugins have to say."""

from collections.abc import Callable, Iterator

from attrs import define, field
from prompt_toolkit.utils import get_cwidth

from atoll._plugins import Provided, Registry, contained
from atoll._records import Status
from atoll._state import ShellState
from atoll._warnings import warn
from atoll.hookspecs import STATUS

_BETWEEN = " | "
Segment = Callable[[ShellState], str]


@define
class Toolbar:
    """Draws the segments of `atoll_status`; one that fails costs a warning and is left out."""

    registry: Registry
    state: ShellState
    _segments: dict[str, Segment | None] = field(factory=dict)

    def draw(self, width: int) -> str:
        """Return the toolbar in at most `width` cells; segments on the right give way first."""
        shown: list[str] = []
        used = 0
        for text in self._texts():
            used += get_cwidth(text) + (len(_BETWEEN) if shown else 0)
            if used > width:
                break
            shown.append(text)
        return _BETWEEN.join(shown)

    def _texts(self) -> Iterator[str]:
        for provided in self.registry.collect(STATUS):
            if text := self._text(provided):
                yield text

    def _text(self, provided: Provided[Status]) -> str:
        name = provided.record.name
        if name in self._segments and self._segments[name] is None:
            return ""
        with contained(provided.origin, f"the toolbar's {name!r}", warn):
            segment = self._segments.get(name) or provided.load()
            self._segments[name] = None  # until it has gone well
            text = _one_line(segment(self.state))
            self._segments[name] = segment
            return text
        return ""


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()
