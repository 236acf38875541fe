"""`POST /session/{s}`: run code by polling, for clients without websockets."""

from typing import Any

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.api.sessions.naming import named_session
from atoll_cluster.api.sessions.runs import Execution, ExecutionResult, Executions, running_kernel
from atoll_cluster.engine.contract import Kernel

_MAX_CODE = 16 * 1024 * 1024
"""The most bytes of a request to run code."""
_FLUSH = 2.0
"""Seconds after which a poll answers with the output so far."""


async def execute(call: Call) -> Response:
    """Start a run or continue one; clients name it with `runId` or `run_id`."""
    session = named_session(call)
    kernel = running_kernel(call.cluster, session)
    mode = call.params.required("mode")
    if mode == "complete":
        return reply({"result": await _complete(call, kernel)})
    if mode not in {"continue", "input"}:
        call.cluster.store.usage.run(session.id)
    execution = await _execution(call, kernel, mode)
    return reply({"result": await _poll(call, execution)})


async def _execution(call: Call, kernel: Kernel, mode: str) -> Execution:
    executions = executions_of(call)
    if mode not in {"continue", "input"}:
        execution = await executions.start(kernel, mode, call.params)
        executions.remember(execution)
        return execution
    run_id = call.params.text("run_id", "runId")
    if not run_id:
        raise invalid_params(f"mode {mode} needs a runId", {"runId": "is required"})
    execution = await executions.resume(run_id, kernel)
    if mode == "input":
        await execution.run.send_input(call.params.text("code") or "")
    return execution


async def _poll(call: Call, execution: Execution) -> dict[str, Any]:
    result: ExecutionResult = await execution.next_result(_FLUSH)
    if result.status == "finished":
        executions_of(call).forget(execution)
    return {"runId": execution.run.run_id, **result.as_json()}


async def _complete(call: Call, kernel: Kernel) -> dict[str, Any]:
    code = call.params.text("code") or ""
    found = await kernel.complete(code, call.params.mapping("options"))
    result = ExecutionResult(status="finished", exit_code=0)
    return {
        "runId": call.params.text("run_id", "runId"),
        **result.as_json(),
        "completions": list(found),
    }


def executions_of(call: Call) -> Executions:
    """Return the runs that clients poll, after forgetting those whose kernels have ended."""
    executions: Executions = call.request.app.state.executions
    executions.forget_kernels_but(set(call.cluster.scheduler.running))
    return executions


ROUTES: Routes = (route("POST", "/session/{s}", execute, limit=_MAX_CODE),)
