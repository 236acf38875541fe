"""Waits for a session to start, and shows what it waits for."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll import Context
from atoll_sessions.model import Session
from atoll_sessions.queries import get_session
from atoll_sessions.reasons import Reasons
from atoll_sessions.statuses import POLLS

if TYPE_CHECKING:
    from atoll import Api

OVER = ("RUNNING", "RUNNING_DEGRADED", "ERROR", "CANCELLED", "TERMINATED")
"""The statuses that end the waiting."""
WAITING_FIELDS = [
    "id", "name", "status", "status_info", "status_data", "service_ports", "starts_at", "type",
    "result",
]  # fmt: skip
_QUERY_INTERVAL = 2.0
_GRACE = 2.0
_SHOW_INTERVAL = 10.0
"""The shortest time between remarks in seconds, since in a busy queue the reason changes often."""


@define
class Waiting:
    """Follows one session until it has started or failed."""

    context: Context
    api: "Api"
    reasons: Reasons
    deadline: float = field(default=math.inf, init=False)
    _last_reason: str = field(default="", init=False)
    _last_shown_at: float = field(default=-math.inf, init=False)

    async def finish(self, show: Callable[[str], None], deadline: float) -> Session | None:
        """Wait, and call `show` with the reason; returns the session as it is at the end, or None
        at the deadline.

        The deadline is a time of trio's clock.
        """
        self.deadline = deadline
        explained = -math.inf
        with trio.move_on_at(deadline):
            async for _ in POLLS:
                session = await get_session(self.api, self.reasons.session_id, WAITING_FIELDS)
                if session.status in OVER:
                    return session
                if trio.current_time() - explained >= _QUERY_INTERVAL:
                    self._show_reason(await self.reasons.tell(session))
                    explained = trio.current_time()
                show(f"session {session.name} is {session.status} …{self._left()}")
        await self._explain_once()
        return None

    async def _explain_once(self) -> None:
        """If nothing was said before the deadline, say why the session did not start."""
        with trio.move_on_after(0 if self._last_reason else _GRACE):
            session = await get_session(self.api, self.reasons.session_id, WAITING_FIELDS)
            self._show_reason(await self.reasons.tell(session))

    def _show_reason(self, text: str) -> None:
        """Show the reason if it differs from the last one."""
        if (
            text != self._last_reason
            and trio.current_time() - self._last_shown_at >= _SHOW_INTERVAL
        ):
            self.context.output.note(text)
            self._last_reason, self._last_shown_at = text, trio.current_time()

    def _left(self) -> str:
        if self.deadline == math.inf:
            return ""
        return f" ({max(0, round(self.deadline - trio.current_time()))} s left)"
