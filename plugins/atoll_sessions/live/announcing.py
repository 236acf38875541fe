"""Says above the prompt what happens to the user's sessions, apart from what the user just did."""

from collections import Counter
from collections.abc import Iterator, Sequence

import trio

from atoll import Context, ShellState
from atoll.output import counted
from atoll_sessions import doings
from atoll_sessions.hooks import SessionChange

_GATHERING = 0.3
"""Seconds in which more may come that is told along with it."""
_ONE_BY_ONE = 5
"""How many changes are told one by one; of more, they are counted."""
_RESULTS = ("session_success", "session_failure")
_ENDS = (
    "session_ending",
    "session_failure",
    "session_terminated",
    "session_cancelled",
    "session_error",
)
"""Events whose reasons say more than the events."""
_SAID = {
    "session_started": "runs",
    "session_ending": "ends soon",
    "session_success": "has done its job",
    "session_failure": "has failed at its job",
    "session_terminated": "has ended",
    "session_cancelled": "was cancelled",
    "session_error": "has failed",
}
"""What is said of events; others are told nobody."""


class _Heard:
    """What was heard of and is to be told."""

    def __init__(self) -> None:
        self.changes: list[SessionChange] = []
        self.some = trio.Event()

    def take(self) -> Sequence[SessionChange]:
        changes, self.changes, self.some = self.changes, [], trio.Event()
        return changes


_heard = _Heard()


async def changed(change: SessionChange, _context: Context, _shell: ShellState) -> None:
    """Keep a change that is worth a line."""
    if change.event in _SAID:
        _heard.changes.append(change)
        _heard.some.set()


async def announce(context: Context, shell: ShellState) -> None:
    """Say what is heard of, once the prompt is free for it."""
    _heard.take()
    while context.settings["sessions.announce"]:
        await _heard.some.wait()
        await trio.sleep(_GATHERING)
        await shell.idle()
        for line in lines(_heard.take()):
            shell.say(line)


def lines(changes: Sequence[SessionChange]) -> Iterator[str]:
    """Yield what is said of changes that came together."""
    results = {one.session_id for one in changes if one.event in _RESULTS}
    news = [
        one
        for one in changes
        # A batch session ends with its job, which is told then.
        if not (one.event == "session_terminated" and one.session_id in results)
        and not _is_known(one)
    ]
    if len(news) <= _ONE_BY_ONE:
        yield from map(_said, news)
        return
    for event, number in Counter(one.event for one in news).items():
        yield f"{counted(number, 'session')}: each {_SAID[event]}"


def _is_known(change: SessionChange) -> bool:
    kind: doings.Change = "start" if change.event == "session_started" else "end"
    return doings.is_known(change.session_id, kind) or doings.is_known(change.session_name, kind)


def _said(change: SessionChange) -> str:
    code = f"exit code {change.exit_code}" if change.exit_code else ""
    why = ", ".join(filter(None, [code, change.reason if change.event in _ENDS else ""]))
    said = f"session {change.session_name or change.session_id} {_SAID[change.event]}"
    return f"{said} ({why})" if why else said
