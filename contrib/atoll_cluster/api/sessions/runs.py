"""Follow runs for clients: combine the events of a run into results, one for each answer.

The events of a run can be read only once, but its client polls. So a task reads them into a short
queue. If the client does not poll, the queue becomes full and the task waits, but the kernel
continues.
"""

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from attrs import field, frozen

from atoll_cluster.api.request.params import Params
from atoll_cluster.api.request.problems import bad_request, invalid_params
from atoll_cluster.cluster import Cluster
from atoll_cluster.engine.contract import (
    EngineError,
    Event,
    Finished,
    InputCapacity,
    InputRequest,
    Kernel,
    Media,
    Output,
    Run,
    StepFinished,
)
from atoll_cluster.scheduler.idleness import Idleness
from atoll_cluster.store.records import Session
from atoll_cluster.supervision import TaskKind, TaskSupervisor

_BACKLOG = 256
_MOST_QUEUED = 32 * 1024 * 1024
"""The most characters in the queue; the event that exceeds this limit is still added."""
_EXIT_WHEN_GONE = 130
_TIMEOUT = 5.0
"""Seconds to wait for the end of a kernel that no longer answers."""
_EXIT_WHEN_KILLED = 137
_NOTICE = 0.5
"""Seconds to wait for the end of a kernel after one of its processes was killed."""
_MOST_IN_RESULT = 96 * 1024
"""Characters of output after which a result is sent; with escapes, it must be below 1 MiB."""


@frozen(kw_only=True)
class ExecutionResult:
    """An answer about a run; `status` is a status of the API (`continued`, `finished`, …)."""

    status: str
    console: list[list[Any]] = field(factory=list)
    exit_code: int | None = None
    options: dict[str, Any] | None = None

    def as_json(self, *, as_bytes: bool = False) -> dict[str, Any]:
        """Return the object that streams send; polls add `runId`.

        In output, bytes that are not UTF-8 become replacement characters. With `as_bytes`, such
        output gets the kind `stdout-bytes` or `stderr-bytes`, and its value is in base64.
        """
        show = _as_bytes if as_bytes else _readable
        return {
            "status": self.status,
            "console": [_entry(one, show) for one in self.console],
            "exitCode": self.exit_code,
            "options": self.options,
            "files": [],
        }


class Execution:
    """A run, and the queue of its events that were not sent to the client yet."""

    def __init__(self, run: Run, kernel: Kernel, idleness: Idleness) -> None:
        self.run = run
        self._idleness = idleness
        self.kernel_id = kernel.spec.kernel_id
        self._kernel = kernel
        self._send, self._receive = anyio.create_memory_object_stream[Event](_BACKLOG)
        self._fault: str | None = None
        self._queued = 0
        self._read_on = anyio.Event()

    async def pump(self) -> None:
        """Read the run's events into the queue until the run ends or `close` is called."""
        try:
            async for event in self._events():
                while self._queued > _MOST_QUEUED:
                    self._read_on = anyio.Event()
                    await self._read_on.wait()
                self._queued += _size(event)
                await self._send.send(event)
        except anyio.BrokenResourceError:
            pass  # `close` was called.
        except anyio.get_cancelled_exc_class():
            self.close()  # The program ends, or the task is cancelled.
            self._send.close()
            raise
        self._send.close()

    def fail(self, reason: str) -> None:
        """Tell the client why the run cannot be followed any more."""
        self._fault = reason
        self._send.close()

    async def _events(self) -> AsyncIterator[Event]:
        try:
            async for event in self.run.events():
                self._idleness.touch(self._kernel.spec.session_id)
                if event == Finished(_EXIT_WHEN_KILLED) and (
                    # The end of the process may be reported before the end of the kernel.
                    notice := await self._excess(_NOTICE)
                ):
                    yield notice
                yield event
        except EngineError as error:
            async for event in self._last_events(error):
                yield event

    async def _last_events(self, error: EngineError) -> AsyncIterator[Event]:
        """Yield the last events of a run whose kernel has ended."""
        if notice := await self._excess(_TIMEOUT):
            yield notice
            yield Finished(_EXIT_WHEN_KILLED)
        else:
            yield Output("stderr", f"{error}\n")
            yield Finished(_EXIT_WHEN_GONE)

    async def _excess(self, patience: float) -> Output | None:
        """Return a message for the user if the kernel ends soon because it exceeded a limit."""
        with anyio.move_on_after(patience):
            match (await self._kernel.wait()).reason:
                case "out-of-memory":
                    given = (self._kernel.spec.memory or 0) >> 20
                    text = f"The session has run out of memory: it was given {given} MiB.\n"
                    return Output("stderr", text)
                case "too-many-processes":
                    return Output("stderr", "The session has started too many processes.\n")
        return None

    async def next_result(self, flush: float, *, patient: bool = False) -> ExecutionResult:
        """Collect output for `flush` seconds, until it is large, or until another event comes.

        With `patient`, the seconds count from the first output.
        """
        console: list[list[Any]] = []
        room = _MOST_IN_RESULT
        until = anyio.current_time() + flush
        with anyio.CancelScope(deadline=float("inf") if patient else until) as scope:
            while room > 0:
                event = await self._next()
                if not isinstance(event, Output | Media):
                    return _result_of(event, console)
                if patient and not console:
                    scope.deadline = anyio.current_time() + flush
                _add(console, event)
                room -= _size(event)
        return ExecutionResult(status="continued", console=console)

    async def _next(self) -> Event:
        try:
            event = await self._receive.receive()
        except anyio.EndOfStream:
            fault, self._fault = self._fault, None
            return Output("stderr", f"{fault}\n") if fault else Finished(_EXIT_WHEN_GONE)
        self._queued -= _size(event)
        self._read_on.set()
        return event

    def close(self) -> None:
        """Stop reading; events that were not sent are discarded."""
        self._receive.close()
        self._queued = 0
        self._read_on.set()


def _size(event: Event) -> int:
    match event:
        case Output(_, text) | Media(_, text):
            return len(text)
    return 0


def _result_of(event: Event, console: list[list[Any]]) -> ExecutionResult:
    match event:
        case InputRequest(is_password):
            options = {"is_password": is_password}
            return ExecutionResult(status="waiting-input", console=console, options=options)
        case InputCapacity(size):
            return ExecutionResult(status="input-room", console=console, options={"size": size})
        case StepFinished(step, exit_code):
            return ExecutionResult(status=f"{step}-finished", console=console, exit_code=exit_code)
        case Finished(exit_code):
            return ExecutionResult(status="finished", console=console, exit_code=exit_code)
    raise AssertionError(event)


def _add(console: list[list[Any]], event: Output | Media) -> None:
    if isinstance(event, Media):
        is_html = event.mime == "text/html"
        console.append(["html", event.data] if is_html else ["media", [event.mime, event.data]])
    elif console and console[-1][0] == event.stream:
        console[-1][1] += event.text
    else:
        console.append([event.stream, event.text])


def _entry(entry: list[Any], show: Callable[[str, bytes], list[str]]) -> list[Any]:
    """Return a console entry for clients; `show` converts output that is not UTF-8."""
    kind, value = entry
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        return show(kind, value.encode("utf-8", "surrogateescape"))
    return entry


def _readable(kind: str, value: bytes) -> list[str]:
    return [kind, value.decode("utf-8", "replace")]


def _as_bytes(kind: str, value: bytes) -> list[str]:
    return [f"{kind}-bytes", base64.b64encode(value).decode()]


class Executions:
    """The runs that clients poll, by run id."""

    def __init__(self, supervisor: TaskSupervisor, idleness: Idleness) -> None:
        self._supervisor = supervisor
        self._idleness = idleness
        self._known: dict[str, Execution] = {}

    async def start(
        self, kernel: Kernel, mode: str, params: Params, *, piped: bool = False
    ) -> Execution:
        """Start a run in a kernel; raises Problem 400 for an invalid mode."""
        if mode not in {"query", "batch"}:
            raise invalid_params(
                f"unknown mode {mode!r}", {"mode": "query, batch, input, continue"}
            )
        run = await kernel.execute(
            "query" if mode == "query" else "batch",
            params.text("code") or "",
            params.mapping("options"),
            params.text("run_id", "runId") or None,
            piped=piped,
        )
        return self._follow(run, kernel)

    async def resume(self, run_id: str, kernel: Kernel) -> Execution:
        """Find a run, even one that began before the program restarted; raises Problem 400."""
        known = self._known.get(run_id)
        if known is not None and known.kernel_id == kernel.spec.kernel_id:
            return known
        try:
            run = await kernel.follow(run_id)
        except EngineError as error:
            raise invalid_params(
                f"no run {run_id!r} in this session", {"runId": "unknown"}
            ) from error
        execution = self._follow(run, kernel)
        self.remember(execution)
        return execution

    def _follow(self, run: Run, kernel: Kernel) -> Execution:
        execution = Execution(run, kernel, self._idleness)
        self._supervisor.start(TaskKind.RUN, execution.pump, on_failure=execution.fail)
        return execution

    def remember(self, execution: Execution) -> None:
        """Keep a run for later polls."""
        self._known[execution.run.run_id] = execution

    def forget(self, execution: Execution) -> None:
        """Forget a run that has ended."""
        self._known.pop(execution.run.run_id, None)
        execution.close()

    def forget_kernels_but(self, living: set[str]) -> None:
        """Forget the runs of all kernels except those in `living`."""
        for execution in list(self._known.values()):
            if execution.kernel_id not in living:
                self.forget(execution)


def running_kernel(cluster: Cluster, session: Session) -> Kernel:
    """Return the main kernel of a running session; raises Problem 400 otherwise."""
    kernel = cluster.scheduler.main_kernel(session)
    if kernel is None or session.status not in {"RUNNING", "RUNNING_DEGRADED"}:
        raise bad_request(f"session {session.name!r} is not running, it is {session.status}")
    cluster.scheduler.idleness.touch(session.id)
    return kernel
