"""The state of all cases, computed from the journal's events.

The process that runs a sweep and those that show it use the same code, so they see the same.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
INTERRUPTED = "interrupted"
"""The status of a case that was running when the process that ran the sweep ended."""


@define
class CaseState:
    """The state of one case. `exit_code` is None until the case has ended, and if it ended without
    one.

    Times are in seconds: `started` since 1970, `seconds` from the start to the end.
    """

    number: int
    status: str = WAITING
    exit_code: int | None = None
    error: str = ""
    session: str = ""
    session_id: str = ""
    started: float | None = None
    seconds: float | None = None

    @property
    def elapsed(self) -> float | None:
        """Seconds that the case took, or has taken until now."""
        if self.seconds is not None or self.started is None:
            return self.seconds
        return max(0.0, time.time() - self.started) if self.status != INTERRUPTED else None


@frozen
class Ending:
    """How the process that last ran the sweep has ended; empty while it runs. `why` is the error
    that stopped it, if any.
    """

    how: str = ""
    why: str = ""


@define
class Progress:
    """The states of a sweep's cases; cases that were never started are not stored."""

    count: int
    states: dict[int, CaseState] = field(factory=dict)
    current: set[int] = field(factory=set)
    """The numbers of the cases that have started and not ended."""
    counts: Counter[str] = field(factory=Counter)
    runs: int = 0
    ending: Ending = Ending()
    sessions: int = 0
    """How many sessions were ever requested."""

    def state(self, number: int) -> CaseState:
        """Return the state of a case."""
        return self.states.get(number) or CaseState(number)

    def all(self) -> Iterator[CaseState]:
        """Yield all states in the order of the cases."""
        return (self.state(number) for number in range(1, self.count + 1))

    @property
    def waiting(self) -> int:
        """How many cases have not ended and have no session."""
        return self.count - self.counts.total() + self.counts[WAITING]

    @property
    def ended(self) -> int:
        """How many cases have ended, with success or not."""
        return self.counts[DONE] + self.counts[FAILED]

    @property
    def succeeded(self) -> bool:
        """Whether every case has ended with exit code 0."""
        return self.counts[DONE] == self.count

    def numbers(self, statuses: Iterable[str]) -> list[int]:
        """Return the numbers of the cases in these states."""
        wanted = set(statuses)
        return [state.number for state in self.all() if state.status in wanted]

    def apply(self, event: Mapping[str, Any]) -> None:
        """Apply one event of the journal; unknown events of other releases are ignored."""
        match event.get("event"):
            case "begin":
                self.runs += 1
                self.ending = Ending()
                self.interrupt()
            case "stop":
                self.ending = Ending(event.get("how", ""), event.get("why", ""))
                self.interrupt()
            case "start" | "session" | "end" as kind:
                self._apply_to_case(kind, event)

    def interrupt(self) -> None:
        """Mark the running cases as interrupted, since no process runs them any more."""
        for number in self.current:
            self._become(self.states[number], INTERRUPTED)
        self.current.clear()

    def _apply_to_case(self, kind: str, event: Mapping[str, Any]) -> None:
        number = event["case"]
        if kind == "start":
            self._replace(CaseState(number, session=event["session"], started=event["at"]))
            self.current.add(number)
            return
        if number not in self.states:
            self._replace(CaseState(number))
        state = self.states[number]
        if kind == "session":
            self.sessions += 1
            state.session_id = event["id"]
            self._become(state, RUNNING)
        else:
            state.exit_code, state.error = event["exit_code"], event["error"]
            state.seconds = event["seconds"]
            self.current.discard(number)
            self._become(state, FAILED if state.exit_code != 0 else DONE)

    def _replace(self, state: CaseState) -> None:
        if before := self.states.get(state.number):
            self.counts[before.status] -= 1
        self.states[state.number] = state
        self.counts[state.status] += 1

    def _become(self, state: CaseState, status: str) -> None:
        self.counts[state.status] -= 1
        self.counts[status] += 1
        state.status = status
