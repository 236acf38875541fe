"""Waits for a task that the cluster runs in the background."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from atoll import AtollError, Context, NotFound
from atoll.reading import Malformed, maybe, to_figure

if TYPE_CHECKING:
    from atoll import Api

_FAILED = {"bgtask_failed", "bgtask_cancelled", "failed", "cancelled"}


async def follow_task(context: Context, api: "Api", task: str, text: str) -> None:
    """Wait until a background task has ended (`GET /events/background-task`), showing progress.

    Raises AtollError if the task fails. If the cluster no longer knows the task, it ended long ago.
    """
    failure = ""
    try:
        reply = await api.request(
            "GET", "/events/background-task", params={"task_id": task}, stream=True, timeout=None
        )
    except NotFound:
        return
    with context.output.progress(text) as show:
        async with reply:
            # The stream is read to its end, which the cluster sends after the end of the task.
            async for event in reply.events():
                progress = _decode(api, event.data)
                if (progress.get("status") or event.event) in _FAILED:
                    failure = progress.get("message") or "the cluster has cancelled it"
                show(f"{text} {_percent(progress)}{progress.get('message') or ''}")
    if failure:
        raise AtollError(f"{text}: {failure}")


def _decode(api: "Api", data: str) -> Mapping[str, Any]:
    try:
        progress: Mapping[str, Any] = api.decode(
            data, {"status": maybe(str), "message": maybe(str)}
        )
    except Malformed:
        return {}
    return progress


def _percent(progress: Mapping[str, Any]) -> str:
    # At the end of a task, the cluster sends the numbers as texts.
    total = to_figure(progress.get("total_progress")) or 0.0
    return f"{(to_figure(progress.get('current_progress')) or 0.0) / total:.0%} " if total else ""
