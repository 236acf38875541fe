"""Background tasks of the cluster, waited for."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from atoll import AtollError, Context, Problem

if TYPE_CHECKING:
    from atoll.api import Api

_FAILED = {"bgtask_failed", "bgtask_cancelled", "failed", "cancelled"}


async def follow_task(context: Context, api: "Api", task: str, text: str) -> None:
    """Wait for a task's end, showing how far it is (`GET /events/background-task`).

    Raises AtollError when it fails. One that the cluster knows no more has ended long ago.
    """
    params = {"task_id": task}
    try:
        reply = await api.request(
            "GET", "/events/background-task", params=params, stream=True, timeout=None
        )
    except Problem as problem:
        if problem.status == 404:
            return
        raise
    failure = ""
    with context.output.progress(text) as show:
        async with reply:
            # To the very end, which the cluster makes after the task's own.
            async for event in reply.events():
                told = _decode(event.data)
                if (told.get("status") or event.event) in _FAILED:
                    failure = told.get("message") or "the cluster gave it up"
                show(f"{text} {told.get('message') or ''}")
    if failure:
        raise AtollError(f"{text}: {failure}")


def _decode(data: str) -> Mapping[str, Any]:
    try:
        told = json.loads(data)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
