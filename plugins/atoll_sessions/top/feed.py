"""Keeps what `top` shows up to date.

Changes of sessions come by events. What sessions use is queried: for the sessions on the screen
every few seconds, and for all others in turn, a hundred at a time. These queries also find changes
without an event. If answers take longer, queries are less frequent.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll import AtollError
from atoll.outages import Backoff, is_transient
from atoll.reading import maybe
from atoll_sessions.changes import session_changes
from atoll_sessions.model import Session
from atoll_sessions.queries import PAGE, list_sessions
from atoll_sessions.top.nodes import Nodes
from atoll_sessions.top.rows import Rows

if TYPE_CHECKING:
    from atoll import Api

_USE = "containers { live_stat last_stat }"
_FIELDS = [
    "id", "name", "status", "status_info", "type", "image", "created_at", "occupying_slots",
    "service_ports",
]  # fmt: skip
_BATCH_SIZE = 25
"""How many sessions one request queries by id."""
_BATCH_DELAY = 0.1
"""Seconds to wait for more sessions before they are queried together."""
_POLL_INTERVAL, _LONGEST_POLL_INTERVAL = 2.0, 10.0
"""Seconds between queries of the sessions on the screen: while something changes, and at most."""
_SLOWDOWN = 1.5
_NODES = 5.0
_SHORTEST_ROUND = 3.0
"""Seconds between queries of a hundred sessions each, which go through all sessions in turn."""
_PAUSE_FACTOR = 10.0
"""The pause before the next query, as a multiple of the time that the last answer took."""
_SLOW_ANSWER = 5.0
"""Seconds without an answer after which the cluster counts as silent."""
_OUTAGE = Backoff(first=1.0, longest=15.0, jitter=0.2)


@define
class Feed:
    """Updates the rows and nodes of one screen; `redraw` is called when the screen must change.

    `visible` returns the ids of the sessions on the screen. `loaded` is true once all sessions were
    found.
    """

    api: "Api"
    rows: Rows
    nodes: Nodes
    redraw: Callable[[], object]
    visible: Callable[[], Sequence[str]]
    everybody: bool = False
    loaded: bool = False
    _answered: float = field(factory=time.monotonic)
    _asked: list[float] = field(factory=list)
    """When the queries were sent that have not been answered yet."""
    _is_down: bool = False
    _changed: set[str] = field(factory=set)
    _has_changed: trio.Event = field(factory=trio.Event)
    _gap: trio.Event = field(factory=trio.Event)
    """Set when events may have been missed."""
    _round: int = 0

    async def run(self) -> None:
        """Update until cancelled; raises an error that will not go away by itself."""
        async with trio.open_nursery() as nursery:
            for work in (self._listen, self._query_changed, self._query_all, self._query_use):
                nursery.start_soon(self._retrying, work)
            nursery.start_soon(self._retrying, self._query_nodes)

    async def _retrying(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work for ever; after each outage, start it again."""
        outage = _OUTAGE.retrying()
        while True:
            try:
                await work()
            except AtollError as error:
                if not is_transient(error):
                    raise
                self._is_down = True
                self.redraw()
                await outage.wait(error)
            else:
                return

    @property
    def silent_for(self) -> float | None:
        """For how many seconds the cluster has not answered a query; None if it answers.

        A query that was sent just now does not count.
        """
        now = time.monotonic()
        is_slow = bool(self._asked) and now - min(self._asked) >= _SLOW_ANSWER
        return now - self._answered if self._is_down or is_slow else None

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Note that a query is sent, and that it is answered if the block raises nothing."""
        began = time.monotonic()
        self._asked.append(began)
        try:
            yield
        finally:
            self._asked.remove(began)
        self._answered = time.monotonic()
        self._is_down = False

    async def _listen(self) -> None:
        changes = session_changes(self.api, everybody=self.everybody, on_gap=self._gap.set)
        try:
            async with aclosing(changes):
                async for change in changes:
                    self.query_soon([change.session_id])
        except AtollError as error:
            if is_transient(error):
                raise
            # Without events, the regular queries find changes.

    def query_soon(self, sessions: Iterable[str]) -> None:
        """Query some sessions soon."""
        self._changed.update(sessions)
        self._has_changed.set()

    async def _query_changed(self) -> None:
        while True:
            await self._has_changed.wait()
            await trio.sleep(_BATCH_DELAY)
            changed, self._changed, self._has_changed = self._changed, set(), trio.Event()
            seen = set(self.visible())
            try:
                await self._query_sessions(sorted(changed, key=lambda one: one not in seen))
            except AtollError:
                self.query_soon(changed)
                raise

    async def _query_sessions(self, sessions: Sequence[str]) -> None:
        """Query sessions by id, each with what it uses; the first ones are shown first."""
        for start in range(0, len(sessions), _BATCH_SIZE):
            with self._asking():
                answer = await query_sessions(self.api, sessions[start : start + _BATCH_SIZE])
            for session_id, found in answer.items():
                if found is None:
                    self.rows.remove(session_id)
                else:
                    self.rows.put(found, self._round)
            self.redraw()

    async def _query_all(self) -> None:
        """Query all sessions again and again: as fast as possible at first and after a gap in the
        events, otherwise at intervals.
        """
        while True:
            self._round += 1
            is_urgent = self._gap.is_set()
            if is_urgent:
                self._gap = trio.Event()
            offset, total = 0, 1
            while offset < total:
                began = time.monotonic()
                total = await self._query_page(offset)
                offset += PAGE
                took = time.monotonic() - began
                await self._pause(
                    0.0
                    if is_urgent or not self.loaded
                    else max(_SHORTEST_ROUND, _PAUSE_FACTOR * took)
                )
            # A session that began during the round came by an event, and may not have been on the
            # queried pages.
            self.rows.forget_unseen(self._round - 1)
            self.loaded = True
            self.redraw()
            await self._pause(_SHORTEST_ROUND)

    async def _pause(self, seconds: float) -> None:
        """Wait for some time, or until events may have been missed."""
        with trio.move_on_after(seconds):
            await self._gap.wait()

    async def _query_page(self, offset: int) -> int:
        """Query a hundred sessions; returns how many there are in total."""
        total = [0]
        found = list_sessions(
            self.api,
            [*_FIELDS, _USE],
            limit=PAGE,
            offset=offset,
            order="created_at",
            access_key=None if self.everybody else await self.api.access_key() or None,
            on_total=partial(total.__setitem__, 0),
        )
        with self._asking():
            sessions = [session async for session in found]
        for session in sessions:
            self.rows.put(session, self._round)
        if not self.loaded:
            self.redraw()
        return total[0]

    async def _query_use(self) -> None:
        """Query what the sessions on the screen use, less often while nothing changes."""
        pause = _POLL_INTERVAL
        while True:
            await trio.sleep(pause)
            began = time.monotonic()
            seen = [row for one in self.visible() if (row := self.rows.by_id.get(one))]
            running = [row.session.id for row in seen if row.session.status.startswith("RUNNING")]
            before = [(row.session.status, row.cpu_now, row.memory) for row in seen]
            await self._query_sessions(running)
            self.rows.forget_ended()
            is_unchanged = before == [(row.session.status, row.cpu_now, row.memory) for row in seen]
            pause = (
                min(pause * _SLOWDOWN, _LONGEST_POLL_INTERVAL) if is_unchanged else _POLL_INTERVAL
            )
            pause = max(pause, _PAUSE_FACTOR * (time.monotonic() - began))
            if not is_unchanged:
                self.rows.changed()
            self.redraw()

    async def _query_nodes(self) -> None:
        while not self.nodes.denied:
            with self._asking():
                is_new = await self.nodes.query(self.api)
            if is_new:
                self.redraw()
            await trio.sleep(_NODES)


async def query_sessions(api: "Api", sessions: Sequence[str]) -> Mapping[str, Session | None]:
    """Return sessions by their ids, each with what it uses; None for a session that no longer
    exists.
    """
    names = [f"s{number}" for number in range(len(sessions))]
    given = ", ".join(f"${name}: UUID!" for name in names)
    fields = " ".join([*_FIELDS, _USE])
    asked = " ".join(f"{name}: compute_session(id: ${name}) {{ {fields} }}" for name in names)
    like = {name: maybe(Session.from_node) for name in names}
    answer = await api.gql(
        f"query({given}) {{ {asked} }}", dict(zip(names, sessions, strict=True)), like=like
    )
    return {one: answer[name] for name, one in zip(names, sessions, strict=True)}
