"""Tells the listeners of plugins what happens to the user's sessions, while the prompt is open."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from atoll import AtollError, Context, Provided, ShellState
from atoll.reading import Malformed, maybe
from atoll_sessions.hooks import SESSION_EVENTS, SessionChange, SessionListener

if TYPE_CHECKING:
    from atoll import Api

_PATIENCE = 5.0
"""Seconds that a listener may take over one change."""
_PAUSE = 1.0
"""Seconds before a stream that has ended is asked for again."""
_MOST_SESSIONS = 1000
"""How many sessions' last events are kept, to tell news from what is sent twice."""
_DATA = {
    "sessionId": str,
    "sessionName": maybe(str),
    "ownerAccessKey": maybe(str),
    "reason": maybe(str),
    "exitCode": maybe(int),
}


async def listen(context: Context, shell: ShellState) -> None:
    """Pass changes on for as long as somebody listens; without listeners, nothing is asked."""
    listeners = [one for one in context.collect(SESSION_EVENTS) if _is_wanted(one, context)]
    if not listeners:
        return
    api = await context.connect()
    async with aclosing(_changes(api)) as changes:
        async for change in changes:
            for one in list(listeners):
                if not await _tell(one, change, context, shell):
                    listeners.remove(one)
            if not listeners:
                return


def _is_wanted(provided: Provided[SessionListener], context: Context) -> bool:
    key = provided.record.setting
    return key is None or bool(context.settings[key])


async def _tell(
    provided: Provided[SessionListener], change: SessionChange, context: Context, shell: ShellState
) -> bool:
    """Tell one listener; returns whether it goes on listening, which one that fails does not."""
    try:
        with provided.guarded(f"its listener {provided.record.name!r}"):
            changed = await trio.to_thread.run_sync(provided.load)
            with trio.fail_after(_PATIENCE):
                await changed(change, context, shell)
    except AtollError as error:
        shell.say(f"atoll: {error.message}")
        return False
    return True


async def _changes(api: "Api") -> AsyncGenerator[SessionChange]:
    """Yield what happens to the user's own sessions, once each, from now on."""
    own = await api.access_key()
    newest: OrderedDict[str, str] = OrderedDict()
    while True:
        reply = await api.request(
            "GET", "/events/session", params={"scope": "*"}, stream=True, timeout=None
        )
        async with reply, aclosing(reply.events()) as messages:
            async for message in messages:
                change = _change(api, message.event, message.data, own)
                if change and newest.get(change.session_id) != change.event:
                    newest[change.session_id] = change.event
                    newest.move_to_end(change.session_id)
                    if len(newest) > _MOST_SESSIONS:
                        newest.popitem(last=False)
                    yield change
        await trio.sleep(_PAUSE)


def _change(api: "Api", event: str, text: str, own: str) -> SessionChange | None:
    """Read a message; None for what is about a container alone, or about another's session."""
    if not event.startswith("session_"):
        return None
    try:
        data = api.decode(text, _DATA)
    except Malformed:
        return None
    if own and data.get("ownerAccessKey") not in (None, own):
        return None
    return SessionChange(
        session_id=data["sessionId"],
        session_name=data.get("sessionName") or "",
        event=event,
        reason=data.get("reason") or "",
        exit_code=data.get("exitCode"),
    )


async def announce(change: SessionChange, _context: Context, shell: ShellState) -> None:
    """Say above the prompt that a session has ended."""
    if change.is_end:
        reason = f" ({change.reason})" if change.reason else ""
        shell.say(f"session {change.session_name} has ended{reason}")
