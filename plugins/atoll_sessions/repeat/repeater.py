"""Runs a line repeatedly, until its result is what the user waits for."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio
from attrs import define, field, frozen

from atoll import Capture, Context, ExitCode

if TYPE_CHECKING:
    from atoll_sessions.repeat.conditions import Condition


@frozen
class Result:
    """The result of one run of the line: its exit code, what it wrote, and when it ended."""

    code: int
    capture: Capture
    at: float = field(factory=time.time)

    @property
    def is_outage(self) -> bool:
        """Whether the cluster could not be reached, so that nothing is known about its state."""
        return self.code == ExitCode.UNREACHABLE


@frozen(kw_only=True)
class Plan:
    """What to repeat: the pause between runs in seconds, and when to stop.

    It stops when `until` becomes true, when `unless` becomes false, or after `count` runs; after
    `timeout` seconds it fails.
    """

    line: str
    pause: float = 2.0
    until: "Condition | None" = None
    unless: "Condition | None" = None
    count: float = math.inf
    timeout: float = math.inf

    @property
    def waits(self) -> bool:
        """Whether the plan waits for a condition."""
        return self.until is not None or self.unless is not None

    def is_met(self, result: Result) -> bool:
        """Whether a result is what the plan waits for; raises UsageError as conditions do."""
        found = result.capture.records, result.code, result.capture.text
        if self.until is not None:
            return self._is_known(self.until, result) and self.until.holds(*found)
        if self.unless is not None:
            return self._is_known(self.unless, result) and not self.unless.holds(*found)
        return False

    @staticmethod
    def _is_known(condition: "Condition", result: Result) -> bool:
        """Whether a result has the fields that a condition needs; the result of a failure may lack
        them.
        """
        return not result.code or condition.fields <= {"exit_code", "output"}


@define
class Repeater:
    """Repeats a line. `width` returns the width of the terminal that it writes for, if any; `show`
    is called with each result.
    """

    context: Context
    plan: Plan
    show: Callable[[Result], object]
    width: Callable[[], int | None] = lambda: None
    began: float | None = field(default=None, init=False)
    """When the current run began, by trio's clock."""
    _run_now: trio.Event = field(factory=trio.Event, init=False)

    async def run(self) -> int:
        """Repeat the line until the plan stops; returns the exit code.

        The exit code is 0 if the condition has become true, and 124 if it has not in time.
        Otherwise it is that of the last run. A run that would always fail, such as a line with a
        wrong option, ends the repetition with its own exit code.
        """
        with trio.move_on_after(self.plan.timeout):
            return await self._repeat()
        return ExitCode.TIMED_OUT

    def run_now(self) -> None:
        """Run the line at once, without waiting for the end of the pause."""
        self._run_now.set()

    async def _repeat(self) -> int:
        times = 0
        while True:
            began = trio.current_time()
            result = await self._once()
            self.show(result)
            times += 1
            if self.plan.is_met(result):
                return ExitCode.OK
            if times >= self.plan.count or result.code == ExitCode.USAGE:
                return result.code or (ExitCode.FAILED if self.plan.waits else ExitCode.OK)
            took = trio.current_time() - began
            with trio.move_on_after(max(self.plan.pause, took)):
                await self._run_now.wait()
            self._run_now = trio.Event()

    async def _once(self) -> Result:
        capture = Capture(columns=self.width())
        self.began = trio.current_time()
        try:
            code = await self.context.run(self.plan.line, capture)
        finally:
            self.began = None
        return Result(code, capture)
