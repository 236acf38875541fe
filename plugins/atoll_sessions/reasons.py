"""Explains why a session waits: its place in the queue, what it needs, what is free, what would
fit.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import define, field

from atoll import AtollError, Problem
from atoll.output import local_time, show_slots
from atoll_sessions.free import amounts, free_slots
from atoll_sessions.model import Session
from atoll_sessions.queries import get_session, list_sessions

if TYPE_CHECKING:
    from atoll import Api

_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_POWERS = " kmgtp"
IDLE_FIELDS = [
    "id", "name", "type", "created_at", "occupying_slots", "containers { live_stat last_stat }",
]  # fmt: skip


@define
class Reasons:
    """Finds out why one session waits, as far as its cluster gives information.

    `asked` are the amounts of `-r` for each of its `containers`; newer clusters return them
    themselves.
    """

    api: "Api"
    session_id: str
    group: str
    asked: Mapping[str, str]
    containers: int = 1
    _needs: Mapping[str, float] | None = field(default=None, init=False)
    _order: str = field(default="created_at", init=False)

    async def tell(self, session: Session) -> str:
        """Return the reason in one line."""
        why = session.status_info or session.trouble
        suffix = f": {why}" if why else ""
        status = f"session {session.name} is {session.status}{suffix}"
        if session.status != "PENDING":
            return status
        if session.starts_at and _is_to_come(session.starts_at):
            return f"{status}; it starts at {local_time(session.starts_at)}"
        needs = await self._ask()
        free = await self._free()
        parts = [
            await self._place(),
            _needs_and_free(needs, free),
            what_fits(needs, free),
            await self._idle_ones(needs, free),
        ]
        return "; ".join([status, *filter(None, parts)])

    async def _ask(self) -> Mapping[str, float]:
        """Return what the session needs; releases before 26 return neither this nor a priority."""
        if self._needs is None:
            try:
                found = await get_session(self.api, self.session_id, ["requested_slots"])
                self._needs, self._order = amounts(found.requested_slots), "-priority,created_at"
            except AtollError:
                each = {slot: to_number(text) for slot, text in self.asked.items()}
                self._needs = {slot: amount * self.containers for slot, amount in each.items()}
        return self._needs

    async def _place(self) -> str:
        try:
            pending = list_sessions(
                self.api, ["id"], status="PENDING", order=self._order, limit=100
            )
            ids = [session.id async for session in pending]
        except Problem:
            return ""
        if self.session_id not in ids:
            return ""
        return f"number {ids.index(self.session_id) + 1} of {len(ids)} in the queue"

    async def _idle_ones(self, needs: Mapping[str, float], free: Mapping[str, float]) -> str:
        """Name the user's idle sessions that would free enough if they ended, and how to terminate
        them.
        """
        lacking = {slot: need - free.get(slot, 0.0) for slot, need in needs.items()}
        lacking = {slot: amount for slot, amount in lacking.items() if amount > 0}
        if not free or not lacking:
            return ""
        key = await self.api.access_key() or None
        try:
            running = list_sessions(
                self.api, IDLE_FIELDS, status="RUNNING", access_key=key, limit=100
            )
            idle = [session async for session in running if session.seems_idle]
        except AtollError:
            return ""
        names = " ".join(session.name for session in room_makers(idle, lacking))
        return f"ending idle sessions would free resources: atoll rm {names}" if names else ""

    async def _free(self) -> Mapping[str, float]:
        """Return what the session might get: of each slot, the amount that the strictest limit
        leaves.
        """
        try:
            return await free_slots(self.api, self.group)
        except AtollError:
            return {}


def _needs_and_free(needs: Mapping[str, float], free: Mapping[str, float]) -> str:
    needed = f"it needs {show_slots(needs)}" if needs else ""
    if not free:
        return needed
    wanted = {slot: max(0.0, free.get(slot, 0.0)) for slot in needs or free}
    return ", ".join(filter(None, [needed, f"of which {show_slots(wanted, zeros=True)} is free"]))


def what_fits(needs: Mapping[str, float], free: Mapping[str, float]) -> str:
    """Name smaller amounts with which the session would start at once; empty if too little is
    known.
    """
    if not needs or not free:
        return ""
    fitting = {slot: min(amount, free.get(slot, 0.0)) for slot, amount in needs.items()}
    lacking_slots = [slot for slot, amount in fitting.items() if amount <= 0 < needs[slot]]
    if lacking_slots:
        return f"nothing fits now without {' and '.join(lacking_slots)}"
    if fitting == dict(needs):
        return "it would fit now"
    return f"what would fit now: {show_slots(fitting)}"


def room_makers(idle: Sequence[Session], lacking: Mapping[str, float]) -> Sequence[Session]:
    """Return the idle sessions whose end would free enough; none if all of them together would
    not.
    """
    left, chosen = dict(lacking), []
    for session in idle:
        held = amounts(session.occupying_slots)
        if any(held.get(slot, 0.0) > 0 for slot, amount in left.items() if amount > 0):
            chosen.append(session)
            left = {slot: amount - held.get(slot, 0.0) for slot, amount in left.items()}
    return chosen if all(amount <= 0 for amount in left.values()) else []


def to_number(text: str) -> float:
    """Read an amount as users write it (`2`, `0.5`, `512m`); NaN for anything else."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return math.nan
    power = _POWERS.index(match[2].lower() or " ")
    return float(match[1]) * float(1024**power)


def _is_to_come(moment: str) -> bool:
    try:
        return datetime.fromisoformat(moment) > datetime.now(UTC)
    except (ValueError, TypeError):  # a text in another format, or without a time zone
        return False
