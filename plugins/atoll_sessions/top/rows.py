"""The sessions that `top` knows, which of them it shows, and in which order."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from atoll.reading import to_figure
from atoll_sessions.model import DEAD, Session

HISTORY = 60
"""How many measurements are kept of each session."""
FAR = math.inf
"""A distance beyond the end of any list."""
_SHOWN_AFTER_END = 10.0
"""Seconds for which a session stays on the screen after it has ended."""


@define(eq=False)
class Row:
    """A session, its recent use, and the last round of queries that found it."""

    session: Session
    round: int = 0
    cpu: deque[float] = field(factory=lambda: deque(maxlen=HISTORY))
    """Per cent of one core; the newest value is the last."""
    memory: float | None = None
    """Bytes in use."""
    ended: float | None = None
    """When a query or an event showed that it had ended."""

    def measure(self, session: Session) -> None:
        """Store what a session uses now, if that was measured."""
        if session.cpu_using is not None:
            self.cpu.append(session.cpu_using)
        if session.used_memory is not None:
            self.memory = session.used_memory * 1024 * 1024

    @property
    def cpu_now(self) -> float | None:
        """What it uses now, in per cent of one core; None if that is not known."""
        return self.cpu[-1] if self.cpu else None

    @property
    def cores(self) -> float:
        """How many cores it has."""
        return to_figure((self.session.occupying_slots or {}).get("cpu")) or 1.0


Key = Callable[[Row], Any]


def _age(row: Row) -> float:
    try:
        return -datetime.fromisoformat(row.session.created_at or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return -datetime.now(UTC).timestamp()


ORDERS: Mapping[str, tuple[str, Key]] = {
    "N": ("name", lambda row: row.session.name.lower()),
    "S": ("status", lambda row: row.session.status),
    "C": ("cpu", lambda row: -(row.cpu_now if row.cpu_now is not None else -1.0)),
    "M": ("memory", lambda row: -(row.memory if row.memory is not None else -1.0)),
    "A": ("age", _age),
}
"""For each key that sorts: the name of the order, and the sort key of a row."""


@define
class Rows:
    """All sessions by id; the shown ones are sorted again only after a change."""

    by_id: dict[str, Row] = field(factory=dict)
    order: str = "A"
    reverse: bool = False
    words: Sequence[str] = ()
    """A session is shown if its name, id, image or status contains each of these words."""
    selected: str = ""
    """The id of the session to which keys apply."""
    _shown: list[Row] | None = None
    _place: int = 0

    def changed(self) -> None:
        """Note that the rows must be filtered and sorted again."""
        self._shown = None

    def put(self, session: Session, round: int) -> None:
        """Store what a query has returned about a session, with what it uses if that was returned
        too.
        """
        row = self.by_id.get(session.id)
        if row is None:
            if session.status in DEAD:
                return
            row = self.by_id[session.id] = Row(session)
            self.changed()
        elif row.session != session:
            self.changed()
        row.session, row.round = session, round
        if session.status in DEAD:
            row.ended = row.ended or time.monotonic()
        row.measure(session)

    def remove(self, session_id: str) -> None:
        """Remove a session that no longer exists."""
        if self.by_id.pop(session_id, None):
            self.changed()

    def forget_unseen(self, round: int) -> None:
        """Remove the sessions that a whole round of queries has not found."""
        for session_id, row in list(self.by_id.items()):
            if row.round < round:
                self.remove(session_id)

    def forget_ended(self) -> None:
        """Remove the sessions that ended a while ago."""
        before = time.monotonic() - _SHOWN_AFTER_END
        for session_id, row in list(self.by_id.items()):
            if row.ended is not None and row.ended < before:
                self.remove(session_id)

    def sort_by(self, key: str) -> None:
        """Sort by the order of a key; in reverse if that order is in use already."""
        self.reverse = key == self.order and not self.reverse
        self.order = key
        self.changed()

    def choose(self, text: str) -> None:
        """Show only sessions whose shown fields contain all these words."""
        self.words = text.lower().split()
        self.changed()

    @property
    def shown(self) -> list[Row]:
        """The rows that are shown, in order."""
        if self._shown is None:
            chosen = [row for row in self.by_id.values() if self._takes(row.session)]
            self._shown = sorted(chosen, key=ORDERS[self.order][1], reverse=self.reverse)
        return self._shown

    def _takes(self, session: Session) -> bool:
        if not self.words:
            return True
        text = " ".join(
            filter(None, [session.name, session.id, session.image, session.status, session.type])
        ).lower()
        return all(word in text for word in self.words)

    @property
    def place(self) -> int:
        """The index of the selected session among the shown ones; if it is no longer there, its
        last index.
        """
        shown = self.shown
        if not (self._place < len(shown) and shown[self._place].session.id == self.selected):
            found = [at for at, row in enumerate(shown) if row.session.id == self.selected]
            self._place = found[0] if found else max(0, min(self._place, len(shown) - 1))
        return self._place

    def move(self, by: float) -> None:
        """Select another session, `by` rows below."""
        if shown := self.shown:
            self._place = int(max(0, min(len(shown) - 1, self.place + by)))
            self.selected = shown[self._place].session.id

    @property
    def current(self) -> Session | None:
        """The selected session, the first one if none was selected."""
        shown = self.shown
        return shown[self.place].session if shown else None

    def counts(self) -> Mapping[str, int]:
        """The number of sessions of each status."""
        counts: dict[str, int] = {}
        for row in self.by_id.values():
            counts[row.session.status] = counts.get(row.session.status, 0) + 1
        return counts
