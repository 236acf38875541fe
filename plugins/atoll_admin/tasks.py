"""Background tasks of the cluster, waited for."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from atoll import AtollError, Context, Problem

if TYPE_CHECKING:
    from atoll.api import Api

_FAILED = {"bgtask_failed", "bgtask_cancelled", "failed", "cancelled"}
_ENDED = {"bgtask_done", "done", "server_close", *_FAILED}


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
    with context.output.progress(text) as show:
        async with reply:
            async for event in reply.events():
                told = _decode(event.data)
                outcome = told.get("status") or event.event
                if outcome in _FAILED:
                    raise AtollError(f"{text}: {told.get('message') or 'the cluster gave it up'}")
                if outcome in _ENDED:
                    return
                show(f"{text} {told.get('message') or ''}")


def _decode(data: str) -> Mapping[str, Any]:
    try:
        told = json.loads(data)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
