"""`watch` on a terminal: shows the last result, what has changed in it, and how old it is."""

import time
from collections.abc import Sequence

import trio
from attrs import define, field

from atoll import Context, ExitCode
from atoll.fullscreen import FullScreen, Line
from atoll.outages import Backoff
from atoll.text import printable
from atoll_sessions.repeat.marks import Spans, changed_spans
from atoll_sessions.repeat.repeater import Plan, Repeater, Result

_STYLES = {"head": "bold", "late": "bold ansired", "changed": "reverse"}
_TICKS = Backoff(first=1.0, factor=1.0)
"""How often the screen shows for how long the current run has taken."""
_SLOW = 2.0
"""Seconds after which the screen says that a run has not ended yet."""
_MOST_LINES = 10_000
_HEAD = 2
"""The number of lines above the result."""


@define
class View:
    """The screen of one `watch`; `code` is the exit code at its end."""

    context: Context
    plan: Plan
    repeater: Repeater = field(init=False)
    screen: FullScreen = field(init=False)
    code: int = field(default=int(ExitCode.OK), init=False)
    last: Result | None = field(default=None, init=False)
    _lines: Sequence[str] = field(default=(), init=False)
    _marks: dict[int, Spans] = field(factory=dict, init=False)
    _top: int = field(default=0, init=False)
    _rows: int = field(default=1, init=False)
    _columns: int = field(default=80, init=False)
    _late_since: float | None = field(default=None, init=False)
    """If the last run failed by an outage, when the last other result came."""

    def __attrs_post_init__(self) -> None:
        self.repeater = Repeater(self.context, self.plan, self.take, self._width)
        self.screen = FullScreen(self.context, self.draw, self.press, _STYLES)

    async def run(self) -> int:
        """Show results until the plan stops or the user leaves; returns the exit code."""
        await self.screen.run(self._repeat, self._tick)
        return self.code

    async def _repeat(self) -> None:
        self.code = await self.repeater.run()
        self.screen.leave()

    async def _tick(self) -> None:
        async for _ in _TICKS:
            if self._late_since is not None or self.repeater.began is not None:
                self.screen.redraw()

    def _width(self) -> int:
        return self._columns

    def take(self, result: Result) -> None:
        """Show a result; in an outage, the earlier result stays on the screen."""
        before, self.last = self._lines, result
        if result.is_outage and before:
            self._late_since = self._late_since or time.time()
        else:
            self._late_since = None
            self._lines = result.capture.text.rstrip("\n").split("\n")[:_MOST_LINES]
            self._marks = changed_spans(before, self._lines) if before else {}
        self.screen.redraw()

    def press(self, key: str) -> None:
        """React to a key: leave, scroll, or run the line at once."""
        if key in ("q", "escape", "c-c"):
            self.code = ExitCode.INTERRUPTED if self.plan.waits or key == "c-c" else ExitCode.OK
            self.screen.leave()
        elif key in (" ", "r"):
            self.repeater.run_now()
        else:
            page = max(1, self._rows - 1)
            moves = {"up": -1, "down": 1, "pageup": -page, "pagedown": page}
            moves |= {"home": -len(self._lines), "end": len(self._lines)}
            self._top += moves.get(key, 0)
            self.screen.redraw()

    def draw(self, columns: int, rows: int) -> list[Line]:
        """Return the lines of the screen."""
        self._columns, self._rows = columns, max(1, rows - _HEAD)
        self._top = max(0, min(self._top, len(self._lines) - self._rows))
        shown = range(self._top, min(len(self._lines), self._top + self._rows))
        return [self._head(columns), [], *(self._line(number) for number in shown)][:rows]

    def _head(self, columns: int) -> Line:
        """Return the head of the screen: the line that is repeated, and at the right the time of
        the result, or since when there is none.
        """
        clock = time.strftime("%H:%M:%S", time.localtime(self.last.at)) if self.last else "…"
        late = self._lateness()
        right = late or clock
        what = printable(f"every {self.plan.pause:g} s: {self.plan.line}")
        if self.plan.until or self.plan.unless:
            condition = self.plan.until or self.plan.unless
            word = "until" if self.plan.until else "while"
            what += f" · {word} {printable(condition.text) if condition else ''}"
        room = max(0, columns - len(right) - 1)
        left = what if len(what) <= room else what[: max(0, room - 1)] + "…"
        gap = " " * max(1, columns - len(left) - len(right))
        return [("head", left), ("", gap), ("late" if late else "", right)]

    def _lateness(self) -> str:
        if self._late_since is not None:
            return f"offline {time.time() - self._late_since:.0f} s"
        began = self.repeater.began
        taken = 0.0 if began is None else trio.current_time() - began
        return f"waiting {taken:.0f} s" if taken >= _SLOW else ""

    def _line(self, number: int) -> Line:
        return marked(self._lines[number], self._marks.get(number, ()))


def marked(line: str, spans: Spans) -> Line:
    """Return a line in its own colours, with its changed parts marked."""
    from prompt_toolkit.formatted_text import ANSI, to_formatted_text

    characters: list[tuple[str, str]] = []
    for style, text, *_ in to_formatted_text(ANSI(line.replace("\t", "    "))):
        characters += [(style, char) for char in text if char.isprintable()]
    for start, end in spans:
        for place in range(start, min(end, len(characters))):
            style, char = characters[place]
            characters[place] = f"{style} reverse", char
    return characters
