"""`logs`: shows what a session has printed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click
import trio

from atoll import Context, Name, NotFound, Problem
from atoll.outages import Backoff, is_permanent
from atoll_sessions.log_stream import stream_log
from atoll_sessions.queries import find_session, get_session
from atoll_sessions.statuses import FINAL

if TYPE_CHECKING:
    from atoll import Api

_POLLS = Backoff(first=0.2, factor=1.5, longest=2.0)
"""How often a log is requested that does not grow; one that grows is requested after the first
pause.
"""
_PAUSE_FACTOR = 5
"""The pause before the next request, as a multiple of the time that the last log took to arrive."""
_MARK = 32
"""Characters at the beginning of a log that are searched in the earlier one; fewer could match by
chance.
"""


@click.command()
@click.argument("session", type=Name("session"))
@click.option("-f", "--follow", is_flag=True, help="Show new output until the session ends.")
@click.option(
    "-k",
    "--kernel",
    "--kernel-id",
    "kernel",
    metavar="ID",
    help="The container, by id or host name (sub1); the main one by default.",
)
async def logs(context: Context, session: str, follow: bool, kernel: str | None) -> None:
    """Show what a session has printed, also after its end."""
    api = await context.connect()
    found = await find_session(api, session, ended=True)
    kernel_id = await _kernel_id(api, found.id, kernel) if kernel is not None else None

    end = ""

    def show(text: str) -> None:
        nonlocal end
        end = text[-1:] or end
        context.output.stream("stdout", text)

    if follow:
        await _follow(api, found.id, kernel_id, show)
    else:
        async for text in stream_log(api, found.id, kernel_id):
            show(text)
            await context.output.drain()
    if end not in ("", "\n"):
        show("\n")


async def _kernel_id(api: "Api", session_id: str, reference: str) -> str:
    """Return the id of a session's container; raises NotFound and lists the containers that it
    has.
    """
    session = await get_session(api, session_id, ["containers { id cluster_hostname }"])
    names = {str(one["id"]): str(one["cluster_hostname"]) for one in session.containers or ()}
    for kernel_id, name in names.items():
        if reference in (kernel_id, name):
            return kernel_id
    raise NotFound(
        f"the session has no container {reference!r}", hint=f"it has {', '.join(names.values())}"
    )


async def _follow(
    api: "Api", session_id: str, kernel_id: str | None, show: Callable[[str], None]
) -> None:
    """Show what a session prints until it has ended.

    The API returns the whole log each time. So it is requested less often while nothing is printed,
    and when an answer takes long.
    """
    shown, pauses = "", _POLLS.pauses()
    while True:
        # The status is requested before the log: once the session has ended, the log contains its
        # last output.
        session = await get_session(api, session_id, ["status"])
        asked = trio.current_time()
        has_ended = session.status in FINAL
        text = await _read(api, session_id, kernel_id, default=shown, strict=has_ended)
        if added := new_part(shown, text):
            show(added)
            pauses.restart()
        shown = text
        if has_ended:
            return
        took = trio.current_time() - asked
        await pauses.sleep(at_least=_PAUSE_FACTOR * took)


async def _read(
    api: "Api", session_id: str, kernel_id: str | None, *, default: str, strict: bool
) -> str:
    """Return the log. While its container is being created or removed, a cluster may have no log;
    then `default` is returned unless `strict`.
    """
    from atoll.transport import ConnectionLost

    try:
        return "".join([text async for text in stream_log(api, session_id, kernel_id)]) or default
    except (Problem, ConnectionLost) as error:
        if strict or is_permanent(error):
            raise
        return default


def new_part(before: str, now: str) -> str:
    """Return the part of a log that an earlier reading of it did not have.

    Clusters keep a log up to some length and then drop its beginning, so the later one may begin
    anywhere in the earlier one, perhaps after a line that says so. If nothing overlaps, all of it
    is new.
    """
    if now.startswith(before):
        return now[len(before) :]
    _, _, after_a_line = now.partition("\n")
    added = _after_overlap(before, now)
    if added is None and len(after_a_line) > _MARK:
        added = _after_overlap(before, after_a_line)
    return now if added is None else added


def _after_overlap(before: str, now: str) -> str | None:
    """Return what follows the overlap of the end of one text with the beginning of the other; None
    if they do not overlap.
    """
    mark = now[:_MARK]
    # The part that is left of the earlier log can't be longer than the later log.
    start = before.find(mark, max(0, len(before) - len(now)))
    while start >= 0:
        kept = before[start:]
        if now.startswith(kept):
            return now[len(kept) :]
        start = before.find(mark, start + 1)
    return None
