"""Work that the cluster does in the background, watched until its end."""

import json
from typing import TYPE_CHECKING, Any

from atoll import AtollError, Context

if TYPE_CHECKING:
    from atoll.api import Api

_DONE = ("bgtask_done", "done")
_FAILED = ("bgtask_failed", "bgtask_cancelled", "failed", "cancelled")


async def follow_task(context: Context, api: "Api", task: str, text: str) -> None:
    """Wait until a background task has ended (`GET /events/background-task`).

    Raises AtollError when it fails; one that the cluster knows no more has ended long ago.
    """
    reply = await api.request(
        "GET", "/events/background-task", params={"task_id": task}, stream=True, timeout=None
    )
    with context.output.progress(text) as show:
        async with reply:
            async for event in reply.events():
                told = _decode(event.data)
                outcome = told.get("status") or event.event
                if outcome in _FAILED:
                    raise AtollError(told.get("message") or "the cluster gave it up")
                if outcome in _DONE or event.event == "server_close":
                    return
                show(f"{text} {_percent(told)}")


def _decode(data: str) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _percent(told: dict[str, Any]) -> str:
    # After the end the figures come as text.
    total = float(told.get("total_progress") or 0)
    return f"{float(told.get('current_progress') or 0) / total:.0%}" if total else ""
