"""The table of cases on a terminal, redrawn several times a second below other output."""

import shutil
import time
from collections import deque

import trio
from attrs import define, field

from atoll.output import fit
from atoll.text import printable
from atoll_sessions.sweep.plan import Case
from atoll_sessions.sweep.progress import (
    DONE,
    FAILED,
    INTERRUPTED,
    RUNNING,
    CaseState,
    Progress,
)
from atoll_sessions.sweep.report import LabelledReport, outcome
from atoll_sessions.sweep.store import Stream

_REDRAW = 0.125
_MOST_ROWS = 24
_MOST_RECENT = 64


@define
class LiveTable(LabelledReport):
    """Shows counts, and a line for each case: all cases if they fit, else those that run and those
    that ended last.
    """

    _began: float = field(factory=time.monotonic)
    _reasons: dict[int, str] = field(factory=dict)
    _recent: deque[int] = field(factory=lambda: deque(maxlen=_MOST_RECENT))
    _drawn: int = 0

    async def live(self, progress: Progress) -> None:
        """Redraw the table until cancelled, then erase it."""
        try:
            while True:
                self._draw(progress)
                await trio.sleep(_REDRAW)
        finally:
            self._erase()

    def started(self, case: Case) -> None:
        """Remove the reason why the case waited."""
        super().started(case)
        self._reasons.pop(case.number, None)

    def waits(self, case: Case, why: str) -> None:
        """Show the reason beside the case."""
        self._reasons[case.number] = why

    def ended(self, case: Case, state: CaseState) -> None:
        """Show the case among the last lines of the table; print a line above only if it failed."""
        self._recent.append(case.number)
        self._reasons.pop(case.number, None)
        self._flush(case)
        if state.status == FAILED:
            self.say(f"{case.label} {outcome(state)}")

    def say(self, text: str) -> None:
        """Print a remark above the table."""
        self._erase()
        super().say(text)

    def warn(self, text: str) -> None:
        """Print a warning above the table."""
        self._erase()
        super().warn(text)

    def _write(self, case: Case, stream: Stream, lines: list[str]) -> None:
        self._erase()
        super()._write(case, stream, lines)

    def _erase(self) -> None:
        if self._drawn and self.context.output.stderr.isatty():
            self.context.output.stderr.write(f"\x1b[{self._drawn}A\r\x1b[J")
            self.context.output.stderr.flush()
        self._drawn = 0

    def _draw(self, progress: Progress) -> None:
        if not self.context.output.stderr.isatty():
            return  # Ctrl-Z has moved it to the background
        size = shutil.get_terminal_size()
        rows = min(_MOST_ROWS, size.lines - 2)
        lines = [self._heading(progress), *(self._row(s) for s in self._chosen(progress, rows))]
        self._erase()
        shown = "".join(f"{fit(printable(line), size.columns - 1)}\n" for line in lines)
        self.context.output.stderr.write(shown)
        self.context.output.stderr.flush()
        self._drawn = len(lines)

    def _heading(self, progress: Progress) -> str:
        elapsed = time.monotonic() - self._began
        return f"sweep {self.sweep.id}: {tally(progress)}, {elapsed:.1f} s"

    def _chosen(self, progress: Progress, rows: int) -> list[CaseState]:
        if progress.count <= rows:
            return list(progress.all())
        running = [progress.state(number) for number in sorted(progress.current)]
        ended = [progress.state(number) for number in reversed(self._recent)]
        return [*running, *ended][: max(rows, 1)]

    def _row(self, state: CaseState) -> str:
        case = self.sweep.plan.case(state.number)
        values = " ".join(f"{name}={value}" for name, value in case.values.items())
        code = "" if state.exit_code is None else state.exit_code
        elapsed = "" if state.elapsed is None else f"{state.elapsed:.1f} s"
        why = state.error or self._reasons.get(state.number, "")
        width = len(str(self.sweep.plan.count))
        return (
            f"{state.number:>{width}}  {state.status:<11} {code:>3} {elapsed:>8}  {values}  {why}"
        ).rstrip()


def tally(progress: Progress) -> str:
    """Count the cases by status."""
    counts = progress.counts
    parts = [
        f"{progress.waiting} waiting",
        f"{counts[RUNNING]} running",
        f"{counts[DONE]} done",
        f"{counts[FAILED]} failed",
    ]
    if interrupted := counts[INTERRUPTED]:
        parts.append(f"{interrupted} interrupted")
    return ", ".join(parts) + f" of {progress.count}"
