"""`task-logs`: shows what a batch task has printed, from the log that is stored for its owner."""

import codecs
from uuid import UUID

import click

from atoll import Context, NotFound, UsageError


@click.command("task-logs")
@click.argument("task_id")
async def task_logs(context: Context, task_id: str) -> None:
    """Show what a task has printed; `ps -f name,task_id` tells the ids.

    The cluster keeps the logs of tasks in your folder `.logs`, if you have one.
    """
    api = await context.connect()
    params = {"taskId": _checked(task_id)}
    try:
        # The log may be long, and the cluster may take long to find it, so neither is limited.
        reply = await api.request("GET", "/session/_/logs", params=params, stream=True)
    except NotFound as error:
        raise NotFound(
            f"no log is kept of task {task_id}: {getattr(error, 'message', error)}",
            hint="clusters keep them in a folder called .logs; atoll logs SESSION needs none",
        ) from None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async with reply:
        async for chunk in reply.chunks():
            context.output.stream("stdout", decoder.decode(chunk))
            await context.output.drain()
    context.output.stream("stdout", decoder.decode(b"", final=True))


def _checked(task_id: str) -> str:
    try:
        return str(UUID(task_id))
    except ValueError:
        raise UsageError(
            f"{task_id!r} is not the id of a task", hint="atoll ps -f name,task_id lists them"
        ) from None
