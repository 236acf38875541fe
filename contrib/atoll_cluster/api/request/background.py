"""Background tasks of requests, and their events at `GET /events/background-task`."""

import json
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import anyio
from attrs import define, field
from starlette.responses import Response, StreamingResponse

from atoll_cluster.api.request.call import Call, Routes, route
from atoll_cluster.api.request.problems import not_found
from atoll_cluster.supervision import TaskKind, TaskSupervisor

_log = logging.getLogger(__name__)

_MOST_KEPT = 1000
"""How many tasks are kept: the latest ones."""


@define
class BackgroundTask:
    """A task: its progress and its user; `status` is started, done or failed."""

    task_id: str
    user: str
    status: str = "started"
    message: str = ""
    current: int = 0
    total: int = 0
    changed: anyio.Event = field(factory=anyio.Event)
    """Set at the next change; the field then gets a new event."""

    def report(self, current: int, total: int, message: str) -> None:
        """Publish the progress."""
        self.current, self.total, self.message = current, total, message
        self._wake()

    def end(self, status: str, message: str) -> None:
        """Publish the result."""
        self.status, self.message = status, message
        self._wake()

    def _wake(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


Work = Callable[[BackgroundTask], Awaitable[str]]
"""The function of a task; returns the final message, raises OSError or ValueError on failure."""


class BackgroundTasks:
    """Starts tasks, and keeps their results."""

    def __init__(self, supervisor: TaskSupervisor) -> None:
        self._supervisor = supervisor
        self._known: dict[str, BackgroundTask] = {}

    def start(self, user: str, work: Work) -> str:
        """Start a task for a user; returns its id."""
        task = BackgroundTask(str(uuid.uuid4()), user)
        self._known[task.task_id] = task
        if len(self._known) > _MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._supervisor.start(
            TaskKind.BACKGROUND,
            partial(_run, task, work),
            on_failure=lambda reason: task.end("failed", reason),
        )
        return task.task_id

    def get(self, task_id: str) -> BackgroundTask | None:
        """Find a task."""
        return self._known.get(task_id)


async def _run(task: BackgroundTask, work: Work) -> None:
    try:
        task.end("done", await work(task))
    except ValueError as error:
        _log.warning("background task %s failed: %s", task.task_id, error)
        task.end("failed", str(error))


async def background_task_events(call: Call) -> Response:
    """`GET /events/background-task`: the events of a task, for its user and superadmins."""
    tasks: BackgroundTasks = call.request.app.state.background
    task_id = call.params.required("task_id", "taskId")
    task = tasks.get(task_id)
    if task is None or not (call.caller.is_superadmin or task.user == call.caller.user.uuid):
        raise not_found("background task", f"no background task {task_id}")
    return StreamingResponse(_events_of(task), media_type="text/event-stream")


async def _events_of(task: BackgroundTask) -> AsyncIterator[str]:
    while task.status == "started":
        changed = task.changed
        yield _event("bgtask_updated", task)
        await changed.wait()
    yield _event(f"bgtask_{task.status}", task)
    yield "event: server_close\ndata: {}\n\n"


def _event(name: str, task: BackgroundTask) -> str:
    data = {
        "task_id": task.task_id,
        "status": f"bgtask_{task.status}",
        "message": task.message,
        "current_progress": task.current,
        "total_progress": task.total,
    }
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


ROUTES: Routes = (route("GET", "/events/background-task", background_task_events),)
