"""Keeps what the toolbar says up to date: by the stream of events, and by looking now and then.

Events tell of the user's own sessions at once. What others use changes without one, so the cluster
is looked at every so often as well; two small requests each time.
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
"""How often is looked whether the profile is still the same, and silence is drawn anew."""
_USUAL = 30.0
"""Seconds between looks while nothing is heard of."""
_AFTER_NEWS = 1.0
"""Seconds in which more may happen, to be looked at along with it."""
_WHILE_DOWN = 2.0
_WHILE_SILENT = 5.0
_BREATHER = 20.0
"""How many times as long as an answer took the next one is waited with."""
_SILENCE = 5.0
"""Seconds without an answer after which the cluster counts as silent."""
_PATIENCE = 30.0
"""Seconds after which a question is asked anew."""
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
    """Ask what the toolbar shows; raises what requests raise."""
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
    """Looks for as long as the prompt is open."""

    glance: Glance
    _news: trio.Event = field(factory=trio.Event)
    _asked: float | None = None
    """When the question was asked that has not been answered yet."""
    _answered: float = field(factory=time.monotonic)
    _shown: tuple[object, ...] = ()

    def news(self) -> None:
        """Look soon: something has changed."""
        self._news.set()

    async def run(self, context: Context, shell: ShellState) -> None:
        """Look, again and again, until cancelled; what another profile's cluster told is forgotten
        when the prompt turns to another one.
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
        """Look once; returns after how many seconds to look again, should nothing be heard."""
        began = self._asked = time.monotonic()
        try:
            with trio.fail_after(_PATIENCE):
                api = await context.connect_if_up()
                seen = await look(api) if api else None
        except trio.TooSlowError:
            return _WHILE_SILENT  # it has been counted as silent meanwhile
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
            # It answers, but not this: there is nothing to show, and no outage either.
            self._answer(None)

    def _show_changes(self, shell: ShellState) -> None:
        """Have the toolbar drawn anew if it says something else than before."""
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
    """Keep the toolbar's segments up to date, if they are wanted."""
    if context.settings["sessions.toolbar"]:
        await _looking.run(context, shell)


async def changed(_change: SessionChange, _context: Context, _shell: ShellState) -> None:
    """Look soon: a session has changed."""
    _looking.news()


def missed() -> None:
    """Look soon: nobody tells any more, or has told for a while, what happens."""
    _looking.news()
