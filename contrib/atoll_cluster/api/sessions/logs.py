"""Send the output of sessions in pieces, because a log can have many megabytes."""

import codecs
import json
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from atoll_cluster.api.request.call import Call, Routes, route
from atoll_cluster.api.request.problems import not_found
from atoll_cluster.api.sessions.naming import named_session, only
from atoll_cluster.store.records import KernelRow


async def logs(call: Call) -> Response:
    """`GET /session/{s}/logs`: all output so far; for ended sessions, the stored log."""
    session = named_session(call, dead=True)
    wanted = call.params.text("kernel_id", "kernelId")
    kernels = call.cluster.store.kernels.of(session.id)
    row = next((k for k in kernels if wanted in (None, k.id)), None)
    if row is None:
        raise not_found("kernel", f"session {session.name!r} has no kernel {wanted!r}")
    return StreamingResponse(_json(_text(_log(call, row))), media_type="application/json")


async def task_logs(call: Call) -> Response:
    """`GET /session/_/logs`: the output as plain text, by the id of a session or a kernel."""
    names = ("taskId", "task_id", "session_name", "sessionName", "kernel_id", "kernelId")
    reference = call.params.required(*names)
    store = call.cluster.store
    kernel = store.kernels.get(reference)
    session_id = kernel.session_id if kernel else reference
    found = store.sessions.find(session_id, call.owner.access_key, dead=True)[-1:]
    session = only(found, reference)
    log = _log(call, kernel or store.kernels.main(session.id))
    return StreamingResponse(_text(log), media_type="text/plain")


def _log(call: Call, row: KernelRow) -> AsyncIterator[bytes]:
    cluster = call.cluster
    if row.id in cluster.scheduler.running:
        return cluster.engine.logs(row.id)
    return cluster.store.logs.read(row.id)


async def _text(log: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Decode a log to text; bytes that are not UTF-8 become replacement characters."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async for piece in log:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


async def _json(text: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the JSON text `{"result": {"logs": …}}` with a log in pieces."""
    yield '{"result": {"logs": "'
    async for piece in text:
        yield json.dumps(piece, ensure_ascii=False)[1:-1]
    yield '"}}'


ROUTES: Routes = (
    route("GET", "/session/_/logs", task_logs),
    route("GET", "/session/{s}/logs", logs),
)
