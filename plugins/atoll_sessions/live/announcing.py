"""Shows above the prompt what happens to the user's sessions, except what the user has just
done.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import trio

from atoll import Context, ShellState
from atoll.output import counted
from atoll_sessions import own_changes
from atoll_sessions.hooks import SessionChange

_BATCH_DELAY = 0.3
"""Seconds to wait for more changes, to show them together."""
_ONE_BY_ONE = 5
"""Up to this number, changes are shown one by one; if there are more, they are counted."""
_RESULTS = ("session_success", "session_failure")
_ENDS = (
    "session_ending",
    "session_failure",
    "session_terminated",
    "session_cancelled",
    "session_error",
)
"""Events whose reason is shown, since it says more than the event."""
_PHRASES = {
    "session_started": "runs",
    "session_ending": "ends soon",
    "session_success": "has done its job",
    "session_failure": "has failed at its job",
    "session_terminated": "has ended",
    "session_cancelled": "was cancelled",
    "session_error": "has failed",
}
"""The text that is shown for each event; other events are not shown."""


class _Heard:
    """The changes that have arrived and are still to be shown."""

    def __init__(self) -> None:
        self.changes: list[SessionChange] = []
        self.some = trio.Event()

    def take(self) -> Sequence[SessionChange]:
        changes, self.changes, self.some = self.changes, [], trio.Event()
        return changes


_heard = _Heard()


async def changed(change: SessionChange, _context: Context, _shell: ShellState) -> None:
    """Keep a change if it is to be shown."""
    if change.event in _PHRASES:
        _heard.changes.append(change)
        _heard.some.set()


async def announce(context: Context, shell: ShellState) -> None:
    """Show the changes that arrive, as soon as the prompt can show them."""
    _heard.take()
    while context.settings["sessions.announce"]:
        await _heard.some.wait()
        await trio.sleep(_BATCH_DELAY)
        await shell.idle()
        for line in lines(_heard.take()):
            shell.say(line)


def lines(changes: Sequence[SessionChange]) -> Iterator[str]:
    """Yield the lines that describe changes which arrived together."""
    results = {one.session_id for one in changes if one.event in _RESULTS}
    shown = [
        one
        for one in changes
        # A batch session ends when its job ends, and the end of the job is shown already.
        if not (one.event == "session_terminated" and one.session_id in results)
        and not _is_known(one)
    ]
    if len(shown) <= _ONE_BY_ONE:
        yield from map(_sentence, shown)
        return
    for event, number in Counter(one.event for one in shown).items():
        yield f"{counted(number, 'session')}: each {_PHRASES[event]}"


def _is_known(change: SessionChange) -> bool:
    kind: own_changes.Change = "start" if change.event == "session_started" else "end"
    return own_changes.is_known(change.session_id, kind) or own_changes.is_known(
        change.session_name, kind
    )


def _sentence(change: SessionChange) -> str:
    code = f"exit code {change.exit_code}" if change.exit_code else ""
    why = ", ".join(filter(None, [code, change.reason if change.event in _ENDS else ""]))
    sentence = f"session {change.session_name or change.session_id} {_PHRASES[change.event]}"
    return f"{sentence} ({why})" if why else sentence
