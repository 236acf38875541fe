"""Keeps the toolbar's data up to date: from the stream of events, and by regular queries.

Events report changes of the user's own sessions at once. There are no events for what others use,
so the cluster is also queried from time to time, with two small requests each time.
"""

import time
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll import AtollError, Context, ShellState
from atoll.outages import Backoff, is_transient
from atoll.reading import maybe
from atoll_sessions.free import free_slots
from atoll_sessions.hooks import SessionChange
from atoll_sessions.live.glance import Glance, Seen, glance

if TYPE_CHECKING:
    from atoll import Api

_TICKS = Backoff(first=1.0, factor=1.0)
"""How often to check whether the profile is still the same, and to redraw how long the cluster has
not answered.
"""
_USUAL = 30.0
"""Seconds between queries while no events arrive."""
_AFTER_NEWS = 1.0
"""Seconds to wait after an event for more of them, before one query for all."""
_WHILE_DOWN = 2.0
_WHILE_SILENT = 5.0
_BREATHER = 20.0
"""The pause before the next query, as a multiple of the time that the last answer took."""
_SILENCE = 5.0
"""Seconds without an answer after which the cluster counts as silent."""
_PATIENCE = 30.0
"""Seconds after which a query without an answer is given up and repeated."""
_QUERY = """
query($key: String) {
  running: compute_session_list(limit: 1, offset: 0, status: "RUNNING", access_key: $key) {
    total_count
  }
  pending: compute_session_list(limit: 1, offset: 0, status: "PENDING", access_key: $key) {
    total_count
  }
  user { email }
}"""
_COUNT = {"total_count": int}
_TOLD = {"running": _COUNT, "pending": _COUNT, "user": maybe({"email": maybe(str)})}


async def look(api: "Api") -> Seen:
    """Query what the toolbar shows; raises the errors of the requests."""
    key = await api.access_key() or None
    told = await api.gql(_QUERY, {"key": key}, like=_TOLD)
    return Seen(
        running=told["running"]["total_count"],
        pending=told["pending"]["total_count"],
        user=(told["user"] or {}).get("email") or "",
        free=await free_slots(api, api.profile.group),
    )


@define
class Looking:
    """Queries the cluster for as long as the prompt is open."""

    glance: Glance
    _news: trio.Event = field(factory=trio.Event)
    _asked: float | None = None
    """When the query was sent that has not been answered yet."""
    _answered: float = field(factory=time.monotonic)
    _shown: tuple[object, ...] = ()

    def news(self) -> None:
        """Query soon, since something has changed."""
        self._news.set()

    async def run(self, context: Context, shell: ShellState) -> None:
        """Query the cluster again and again, until cancelled. When the prompt switches to another
        profile, the data of the earlier cluster is dropped.
        """
        while True:
            self._begin()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look_again, context, shell)
                profile = shell.profile_name
                async for _ in _TICKS:
                    if shell.profile_name != profile:
                        break
                    self._show_changes(shell)
                nursery.cancel_scope.cancel()

    def _begin(self) -> None:
        self._asked, self._answered = None, time.monotonic()
        self.glance.seen = self.glance.silent_since = None

    async def _look_again(self, context: Context, shell: ShellState) -> None:
        while True:
            self._news = trio.Event()
            pause = await self._look(context)
            self._show_changes(shell)
            with trio.move_on_after(pause):
                await self._news.wait()
                await trio.sleep(_AFTER_NEWS)

    async def _look(self, context: Context) -> float:
        """Query once; returns the seconds until the next query if no event arrives before."""
        began = self._asked = time.monotonic()
        try:
            with trio.fail_after(_PATIENCE):
                api = await context.connect_if_up()
                seen = await look(api) if api else None
        except trio.TooSlowError:
            return _WHILE_SILENT  # by now it is shown as silent
        except AtollError as error:
            self._fail(error)
            return _WHILE_SILENT
        self._answer(seen)
        return max(_USUAL, _BREATHER * (self._answered - began)) if seen else _WHILE_DOWN

    def _answer(self, seen: Seen | None) -> None:
        self.glance.seen, self.glance.silent_since = seen, None
        self._asked, self._answered = None, time.monotonic()

    def _fail(self, error: AtollError) -> None:
        if is_transient(error):
            self._asked, self.glance.silent_since = None, self._answered
        else:
            # The cluster answers with a refusal: there is nothing to show, but this is no outage.
            self._answer(None)

    def _show_changes(self, shell: ShellState) -> None:
        """Redraw the toolbar if its text has changed."""
        now = time.monotonic()
        if self._asked is not None and now - self._asked >= _SILENCE:
            self.glance.silent_since = self._answered
        since = self.glance.silent_since
        shows = (self.glance.seen, None if since is None else int(now - since))
        if shows != self._shown:
            self._shown = shows
            shell.redraw()


_looking = Looking(glance)


async def keep(context: Context, shell: ShellState) -> None:
    """Keep the toolbar's segments up to date, if the user has switched them on."""
    if context.settings["sessions.toolbar"]:
        await _looking.run(context, shell)


async def changed(_change: SessionChange, _context: Context, _shell: ShellState) -> None:
    """Query soon, since a session has changed."""
    _looking.news()


def missed() -> None:
    """Query soon, since events may have been lost."""
    _looking.news()
