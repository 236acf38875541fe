"""Keeps what `top` shows up to date.

What happens to sessions comes by events. What they use comes by looking: at those on the screen
every few seconds, and at all others in turn, a hundred at a time, which also finds what no event
has told of. The longer an answer takes, the less often is looked.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
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
_AT_ONCE = 25
"""How many sessions one request asks about by id."""
_GATHERING = 0.1
"""Seconds in which more may happen, to be looked at along with it."""
_LOOK, _LONGEST_LOOK = 2.0, 10.0
"""Seconds between looks at what is on the screen: while something changes, and at most."""
_CALMER = 1.5
_NODES = 5.0
_TURN = 3.0
"""Seconds between looks at a hundred sessions of all."""
_SHARE = 10.0
"""How many times as long as an answer took the next look waits."""
_OUTAGE = Backoff(first=1.0, longest=15.0, jitter=0.2)


@define
class Feed:
    """Feeds the rows and nodes of one screen; `redraw` is called when there is something to see.

    `visible` returns the ids of the sessions on the screen. `silent_since` is when the cluster last
    answered, in seconds of :func:`time.monotonic`, where it no longer does.
    """

    api: "Api"
    rows: Rows
    nodes: Nodes
    redraw: Callable[[], object]
    visible: Callable[[], Sequence[str]]
    everybody: bool = False
    loaded: bool = False
    silent_since: float | None = None
    _answered: float = field(factory=time.monotonic)
    _news: set[str] = field(factory=set)
    _some_news: trio.Event = field(factory=trio.Event)
    _round: int = 0

    async def run(self) -> None:
        """Feed until cancelled; raises what the cluster refuses for good."""
        async with trio.open_nursery() as nursery:
            for work in (self._listen, self._look_at_news, self._go_round, self._look_at_use):
                nursery.start_soon(self._through_outages, work)
            nursery.start_soon(self._through_outages, self._look_at_nodes)

    async def _through_outages(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work for ever, again after each outage."""
        outage = _OUTAGE.retrying()
        while True:
            try:
                await work()
            except AtollError as error:
                if not is_transient(error):
                    raise
                self.silent_since = self._answered
                self.redraw()
                await outage.wait(error)
            else:
                return

    def _heard(self) -> None:
        """Note that the cluster has answered."""
        self._answered = time.monotonic()
        if self.silent_since is not None:
            self.silent_since = None
            self.redraw()

    async def _listen(self) -> None:
        try:
            async with aclosing(session_changes(self.api, everybody=self.everybody)) as changes:
                async for change in changes:
                    self.look_at([change.session_id])
        except AtollError as error:
            if is_transient(error):
                raise
            # Without events, what changes is found in turn.

    def look_at(self, sessions: Iterable[str]) -> None:
        """Look at some sessions soon."""
        self._news.update(sessions)
        self._some_news.set()

    async def _look_at_news(self) -> None:
        while True:
            await self._some_news.wait()
            await trio.sleep(_GATHERING)
            news, self._news, self._some_news = self._news, set(), trio.Event()
            try:
                await self._ask_about(list(news))
            except AtollError:
                self.look_at(news)
                raise
            self.redraw()

    async def _ask_about(self, sessions: Sequence[str]) -> None:
        """Ask about sessions by id, each with what it uses."""
        for start in range(0, len(sessions), _AT_ONCE):
            part = sessions[start : start + _AT_ONCE]
            for session_id, found in (await look_up(self.api, part)).items():
                if found is None:
                    self.rows.gone(session_id)
                else:
                    self.rows.put(found, self._round)
            self._heard()

    async def _go_round(self) -> None:
        """Look at all sessions: as fast as they come at first, then in turn for ever."""
        own = None if self.everybody else await self.api.access_key() or None
        while True:
            self._round += 1
            offset, total = 0, [1]
            while offset < total[0]:
                began = time.monotonic()
                async for session in list_sessions(
                    self.api,
                    [*_FIELDS, _USE],
                    limit=PAGE,
                    offset=offset,
                    order="created_at",
                    access_key=own,
                    on_total=partial(total.__setitem__, 0),
                ):
                    self.rows.put(session, self._round)
                offset += PAGE
                self._heard()
                if self.loaded:
                    await trio.sleep(max(_TURN, _SHARE * (time.monotonic() - began)))
                else:
                    self.redraw()
            # One that began meanwhile was told by an event, and not found at its place perhaps.
            self.rows.forget_unseen(self._round - 1)
            if not self.loaded:
                self.loaded = True
                self.redraw()
                await trio.sleep(_TURN)

    async def _look_at_use(self) -> None:
        """Look at what the sessions on the screen use, less often while nothing changes."""
        pause = _LOOK
        while True:
            await trio.sleep(pause)
            began = time.monotonic()
            seen = [row for one in self.visible() if (row := self.rows.by_id.get(one))]
            running = [row.session.id for row in seen if row.session.status.startswith("RUNNING")]
            before = [(row.session.status, row.cpu_now, row.memory) for row in seen]
            await self._ask_about(running)
            self.rows.forget_ended()
            calm = before == [(row.session.status, row.cpu_now, row.memory) for row in seen]
            pause = min(pause * _CALMER, _LONGEST_LOOK) if calm else _LOOK
            pause = max(pause, _SHARE * (time.monotonic() - began))
            if not calm:
                self.rows.changed()
            self.redraw()

    async def _look_at_nodes(self) -> None:
        while not self.nodes.denied:
            if await self.nodes.look(self.api):
                self.redraw()
            self._heard()
            await trio.sleep(_NODES)


async def look_up(api: "Api", sessions: Sequence[str]) -> Mapping[str, Session | None]:
    """Return sessions by their ids, each with what it uses; None for one that there is no more."""
    names = [f"s{number}" for number in range(len(sessions))]
    given = ", ".join(f"${name}: UUID!" for name in names)
    fields = " ".join([*_FIELDS, _USE])
    asked = " ".join(f"{name}: compute_session(id: ${name}) {{ {fields} }}" for name in names)
    like = {name: maybe(Session.from_node) for name in names}
    told = await api.gql(
        f"query({given}) {{ {asked} }}", dict(zip(names, sessions, strict=True)), like=like
    )
    return {one: told[name] for name, one in zip(names, sessions, strict=True)}
