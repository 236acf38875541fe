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
from atoll_sessions.live.toolbar_data import Summary, ToolbarData, toolbar_data

if TYPE_CHECKING:
    from atoll import Api

_TICKS = Backoff(first=1.0, factor=1.0)
"""How often to check whether the profile is still the same, and to redraw how long the cluster has
not answered.
"""
_USUAL_PAUSE = 30.0
"""Seconds between queries while no events arrive."""
_PAUSE_AFTER_CHANGE = 1.0
"""Seconds to wait after an event for more of them, before one query for all."""
_PAUSE_WHILE_DOWN = 2.0
_PAUSE_WHILE_SLOW = 5.0
_PAUSE_FACTOR = 20.0
"""The pause before the next query, as a multiple of the time that the last answer took."""
_SLOW_ANSWER = 5.0
"""Seconds without an answer after which the cluster counts as silent."""
_TIMEOUT = 30.0
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
_SHAPE = {"running": _COUNT, "pending": _COUNT, "user": maybe({"email": maybe(str)})}


async def query(api: "Api") -> Summary:
    """Query what the toolbar shows; raises the errors of the requests."""
    key = await api.access_key() or None
    answer = await api.gql(_QUERY, {"key": key}, like=_SHAPE)
    return Summary(
        running=answer["running"]["total_count"],
        pending=answer["pending"]["total_count"],
        user=(answer["user"] or {}).get("email") or "",
        free=await free_slots(api, api.profile.group),
    )


@define
class Poller:
    """Queries the cluster for as long as the prompt is open."""

    toolbar_data: ToolbarData
    _changed: trio.Event = field(factory=trio.Event)
    _asked: float | None = None
    """When the query was sent that has not been answered yet."""
    _answered: float = field(factory=time.monotonic)
    _shown: tuple[object, ...] = ()

    def note_change(self) -> None:
        """Query soon, since something has changed."""
        self._changed.set()

    async def run(self, context: Context, shell: ShellState) -> None:
        """Query the cluster again and again, until cancelled. When the prompt switches to another
        profile, the data of the earlier cluster is dropped.
        """
        while True:
            self._begin()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._poll, context, shell)
                profile = shell.profile_name
                async for _ in _TICKS:
                    if shell.profile_name != profile:
                        break
                    self._show_changes(shell)
                nursery.cancel_scope.cancel()

    def _begin(self) -> None:
        self._asked, self._answered = None, time.monotonic()
        self.toolbar_data.summary = self.toolbar_data.silent_since = None

    async def _poll(self, context: Context, shell: ShellState) -> None:
        while True:
            self._changed = trio.Event()
            pause = await self._query(context)
            self._show_changes(shell)
            with trio.move_on_after(pause):
                await self._changed.wait()
                await trio.sleep(_PAUSE_AFTER_CHANGE)

    async def _query(self, context: Context) -> float:
        """Query once; returns the seconds until the next query if no event arrives before."""
        began = self._asked = time.monotonic()
        try:
            with trio.fail_after(_TIMEOUT):
                api = await context.connect_if_up()
                summary = await query(api) if api else None
        except trio.TooSlowError:
            return _PAUSE_WHILE_SLOW  # by now it is shown as silent
        except AtollError as error:
            self._fail(error)
            return _PAUSE_WHILE_SLOW
        self._answer(summary)
        return (
            max(_USUAL_PAUSE, _PAUSE_FACTOR * (self._answered - began))
            if summary
            else _PAUSE_WHILE_DOWN
        )

    def _answer(self, summary: Summary | None) -> None:
        self.toolbar_data.summary, self.toolbar_data.silent_since = summary, None
        self._asked, self._answered = None, time.monotonic()

    def _fail(self, error: AtollError) -> None:
        if is_transient(error):
            self._asked, self.toolbar_data.silent_since = None, self._answered
        else:
            # The cluster answers with a refusal: there is nothing to show, but this is no outage.
            self._answer(None)

    def _show_changes(self, shell: ShellState) -> None:
        """Redraw the toolbar if its text has changed."""
        now = time.monotonic()
        if self._asked is not None and now - self._asked >= _SLOW_ANSWER:
            self.toolbar_data.silent_since = self._answered
        since = self.toolbar_data.silent_since
        shows = (self.toolbar_data.summary, None if since is None else int(now - since))
        if shows != self._shown:
            self._shown = shows
            shell.redraw()


_poller = Poller(toolbar_data)


async def keep(context: Context, shell: ShellState) -> None:
    """Keep the toolbar's segments up to date, if the user has switched them on."""
    if context.settings["sessions.toolbar"]:
        await _poller.run(context, shell)


async def changed(_change: SessionChange, _context: Context, _shell: ShellState) -> None:
    """Query soon, since a session has changed."""
    _poller.note_change()


def missed() -> None:
    """Query soon, since events may have been lost."""
    _poller.note_change()
