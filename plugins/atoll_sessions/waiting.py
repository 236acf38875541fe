"""Waiting for a session to start, and telling why it does not."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import trio
from attrs import define, field

from atoll import AtollError, Context, Problem
from atoll_sessions.api import get_session, list_sessions
from atoll_sessions.fields import show_slots
from atoll_sessions.model import Session

if TYPE_CHECKING:
    from atoll.api import Api

OVER = ("RUNNING", "RUNNING_DEGRADED", "ERROR", "CANCELLED", "TERMINATED")
"""The statuses that waiting ends with."""
WAITING_FIELDS = ["id", "name", "status", "status_info", "service_ports"]
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0
_EXPLAIN_EVERY = 2.0


@define
class Waiting:
    """Follows one session until it has started or failed.

    `needs` are the slots it asks for.
    """

    context: Context
    api: "Api"
    session_id: str
    name: str
    needs: Mapping[str, str] = field(factory=dict)
    group: str = "default"
    deadline: float = field(default=math.inf, init=False)
    _said: str = ""

    async def finish(self, show: Callable[[str], None], deadline: float) -> Session | None:
        """Wait, telling `show` why; returns the session as it is then, or None at the deadline.

        The deadline is one of trio's clock.
        """
        self.deadline = deadline
        pause, explained = _FIRST_PAUSE, -math.inf
        with trio.move_on_at(deadline):
            while True:
                session = await get_session(self.api, self.session_id, WAITING_FIELDS)
                if session.status in OVER:
                    return session
                if trio.current_time() - explained >= _EXPLAIN_EVERY:
                    self._tell(await self._explain(session), show)
                    explained = trio.current_time()
                await trio.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        return None

    def _tell(self, text: str, show: Callable[[str], None]) -> None:
        left = ""
        if self.deadline < math.inf:
            left = f" ({max(0, round(self.deadline - trio.current_time()))} s left)"
        show(f"{text}{left}")
        if text != self._said and not self.context.output.stderr.isatty():
            self.context.output.note(text)
        self._said = text

    async def _explain(self, session: Session) -> str:
        """Say what a session waits for, as far as the cluster tells."""
        reason = f": {session.status_info}" if session.status_info else ""
        text = f"session {self.name} is {session.status}{reason}"
        if session.status != "PENDING":
            return text
        parts = [await self._place(), self._needs(), await self._free()]
        return "; ".join([text, *filter(None, parts)])

    async def _place(self) -> str:
        try:
            pending = list_sessions(
                self.api, ["id"], status="PENDING", order="created_at", limit=100
            )
            ids = [session.id async for session in pending]
        except Problem:
            return ""
        if self.session_id not in ids:
            return ""
        return f"number {ids.index(self.session_id) + 1} of {len(ids)} in the queue"

    def _needs(self) -> str:
        asked = ", ".join(f"{slot} {amount}" for slot, amount in self.needs.items())
        return f"it needs {asked}" if asked else ""

    async def _free(self) -> str:
        try:
            answer = await self.api.json(
                "POST", "/resource/check-presets", params={"group": self.group}, safe=True
            )
        except AtollError:
            return ""
        free = _amounts(answer.get("scaling_group_remaining"))
        allowed = _amounts(answer.get("keypair_remaining"))
        if not free:
            return ""
        fits = {slot: min(amount, allowed.get(slot, amount)) for slot, amount in free.items()}
        return f"free now: {show_slots(fits) or 'nothing'}"


def _amounts(slots: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the amounts that are numbers: managers also write Infinity and NaN."""
    amounts = {slot: float(amount) for slot, amount in (slots or {}).items()}
    return {slot: amount for slot, amount in amounts.items() if math.isfinite(amount)}
