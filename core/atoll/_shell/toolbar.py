"""The toolbar below the prompt, which consists of segments of plugins."""

import time
from collections.abc import Callable, Iterator

from attrs import define, field
from prompt_toolkit.utils import get_cwidth

from atoll._plugins import Provided, Registry, contained
from atoll._records import Status
from atoll._shell.slow_calls import SlowCalls
from atoll._state import ShellState
from atoll._warnings import warn
from atoll.hookspecs import STATUS

_BETWEEN = " | "
_RETRY_PAUSE = 30.0
"""Seconds after which a failed segment is called again."""
_LONGEST = 1000


@define
class Toolbar:
    """Draws the segments of `atoll_status`; a segment that fails is left out for a while."""

    registry: Registry
    state: ShellState
    _segments: dict[str, "_Segment"] = field(factory=dict)

    def draw(self, width: int) -> str:
        """Return the toolbar in at most `width` cells; segments with the least weight are left out
        first.
        """
        shown: list[str] = []
        left = width
        for text in self._texts():
            needs = get_cwidth(text) + (len(_BETWEEN) if shown else 0)
            if needs <= left:
                shown.append(text)
                left -= needs
        return _BETWEEN.join(shown)

    def _texts(self) -> Iterator[str]:
        """Yield the texts of the segments, those with the most weight first."""
        found = self.registry.collect(STATUS)
        for provided in sorted(found, key=lambda one: one.record.weight, reverse=True):
            name = provided.record.name
            segment = self._segments.setdefault(name, _Segment(provided))
            if text := segment.text(self.state):
                yield text


@define
class _Segment:
    """One segment, and the error that was last reported about it."""

    provided: Provided[Status]
    _call: Callable[[ShellState], str] | None = None
    _paused_until: float = 0.0
    _reported: set[str] = field(factory=set)
    _slow_calls: SlowCalls = field(factory=SlowCalls)

    def text(self, state: ShellState) -> str:
        """Return its present text; an error is reported once."""
        now = time.monotonic()
        if now < self._paused_until:
            return ""
        doing = f"the toolbar's {self.provided.record.name!r}"
        with contained(self.provided.origin, doing, self._tell):
            self._paused_until = now + _RETRY_PAUSE  # until it has succeeded
            self._call = self._call or self.provided.load()
            began = time.perf_counter()
            text: object = self._call(state)
            self._slow_calls.note(time.perf_counter() - began, self.provided.origin, doing)
            if not isinstance(text, str):
                raise TypeError(f"it gave {type(text).__name__}, not a text")
            self._paused_until = 0.0
            return _one_line(text[:_LONGEST])
        return ""

    def _tell(self, text: str) -> None:
        if text not in self._reported:
            self._reported.add(text)
            warn(text)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()
