"""Reports changes of the user's sessions to the listeners of plugins, while the prompt is open."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from atoll import AtollError, ConfigError, Context, PluginError, Provided, ShellState
from atoll.outages import Backoff, is_transient
from atoll_sessions.changes import session_changes
from atoll_sessions.hooks import SESSION_EVENTS, SessionChange, SessionListener
from atoll_sessions.live.polling import missed

if TYPE_CHECKING:
    from atoll import Api

_TIMEOUT = 5.0
"""Seconds that a listener may take over one change."""
_POLLS = Backoff(first=1.0, factor=1.0)
"""How often to check whether a cluster is in use, and whether it is still the same."""


async def listen(context: Context, shell: ShellState) -> None:
    """Pass changes to listeners until none is left; without listeners, no stream is opened."""
    listeners = [one for one in context.collect(SESSION_EVENTS) if _is_wanted(one, context, shell)]
    while listeners:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_leave_with_profile, shell, nursery.cancel_scope)
            await _pass_on(listeners, context, shell)
            nursery.cancel_scope.cancel()


async def _leave_with_profile(shell: ShellState, scope: trio.CancelScope) -> None:
    """Stop listening to a cluster when the prompt switches to another one."""
    profile = shell.profile_name
    async for _ in _POLLS:
        if shell.profile_name != profile:
            scope.cancel()


async def _pass_on(
    listeners: list[Provided[SessionListener]], context: Context, shell: ShellState
) -> None:
    """Pass the changes of one cluster on, until no listener is left."""
    async with aclosing(session_changes(await _connected(context), on_gap=missed)) as changes:
        async for change in changes:
            for one in list(listeners):
                if not await _tell(one, change, context, shell):
                    listeners.remove(one)
            if not listeners:
                return


async def _connected(context: Context) -> "Api":
    """Connect to the cluster in use as soon as it is reachable."""
    async for _ in _POLLS:
        if api := await context.connect_if_up():
            break
    assert api is not None  # noqa: S101  # the loop has no other end
    return api


def _is_wanted(provided: Provided[SessionListener], context: Context, shell: ShellState) -> bool:
    key = provided.record.setting
    try:
        return key is None or bool(context.settings[key])
    except KeyError:
        problem = f"there is no setting {key}"
    except ConfigError as error:
        problem = error.message
    shell.say(f"atoll: {_named(provided)}: {problem}")
    return False


def _named(provided: Provided[SessionListener]) -> str:
    return f"{provided.origin}: {_doing(provided)}"


def _doing(provided: Provided[SessionListener]) -> str:
    return f"its listener {provided.record.name!r}"


async def _tell(
    provided: Provided[SessionListener], change: SessionChange, context: Context, shell: ShellState
) -> bool:
    """Report a change to one listener; returns whether it keeps listening, which it does not after
    a failure.
    """
    try:
        with provided.guarded(_doing(provided)):
            changed = await trio.to_thread.run_sync(provided.load)
            with trio.fail_after(_TIMEOUT):
                await changed(change, context, shell)
    except PluginError as error:
        shell.say(f"atoll: {error.message}")
        return False
    except AtollError as error:
        shell.say(f"atoll: {_named(provided)}: {error.message}")
        # An outage ends by itself, and is not the listener's fault.
        return is_transient(error)
    return True
