"""A running kernel and its runs, as `contract` defines them."""

import base64
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteStream, TaskGroup
from attrs import define

from . import contract
from .connection import ServiceConnection, ask_for_connection, relay_connection
from .contract import EngineError, Event, ExitStatus, KernelSpec, RunMode, Service
from .control import Control, Tell, connect, connected
from .folder import KernelFolder
from .launcher import AskingLauncher, Launcher
from .states import Ended, State
from .terminal import KernelTerminal


def _ignore(_state: State) -> None:
    pass


_LONGEST_IDLE = 1e9
_LONGEST_REASON = 200
LEAVING_TIMEOUT = 30.0
"""Seconds after the grace period, in which a kernel whose task is over must end."""
PIECE = 65536
"""Most bytes of input in one message."""


def _event(message: Mapping[str, Any]) -> Event | None:
    """Read an event of a run, None if it is invalid."""
    event: Event | None = None
    match message:
        case {"event": "output", "stream": "stdout" | "stderr" as stream, "text": str(text)}:
            event = contract.Output(stream, text)
        case {"event": "output", "stream": "stdout" | "stderr" as stream, "data": str(data)} if (
            raw := _decoded(data)
        ) is not None:
            event = contract.Output(stream, raw)
        case {"event": "media", "mime": str(mime), "data": str(data)}:
            event = contract.Media(mime, data)
        case {"event": "input", "is_password": bool(is_password)}:
            event = contract.InputRequest(is_password)
        case {"event": "room", "size": int(size)} if size >= 0:
            event = contract.InputCapacity(size)
        case {"event": "step", "step": "clean" | "build" as step, "exit_code": int(code)}:
            event = contract.StepFinished(step, code & 0xFF)
        case {"event": "finished", "exit_code": int(code)}:
            event = contract.Finished(code & 0xFF)
    return event


def _decoded(data: str) -> str | None:
    """Return output that is not UTF-8, with surrogate escapes; None if the base64 is invalid."""
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return None


def _is_encodable(message: Mapping[str, Any]) -> bool:
    """Return whether all texts can be encoded: JSON may contain incomplete UTF-16 pairs."""
    try:
        for value in message.values():
            str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong_with(message: Mapping[str, Any]) -> str:
    match message:
        case {"event": "fault", "reason": str(reason)}:
            return reason[:_LONGEST_REASON]
    return "it sent an unknown event"


@define
class KernelRun:
    """A run with its own connection."""

    run_id: str
    _control: Control
    _piped: bool = False

    async def events(self) -> AsyncIterator[Event]:
        """Yield events until `Finished`; leaving earlier does not affect the run."""
        try:
            while True:
                message = await self._control.receive()
                event = _event(message) if _is_encodable(message) else None
                if event is None:
                    raise self._control.fault(_wrong_with(message))
                yield event
                if isinstance(event, contract.Finished):
                    return
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._control.aclose()

    async def send_input(self, text: str) -> None:
        await self._tell(op="input", run_id=self.run_id, text=text.removesuffix("\n"))

    async def pipe_input(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            piece = base64.b64encode(data[start : start + PIECE]).decode()
            await self._tell(op="input", run_id=self.run_id, data=piece)

    async def close_input(self) -> None:
        what = "data" if self._piped else "text"
        await self._tell(op="input", run_id=self.run_id, **{what: None})

    async def interrupt(self) -> None:
        await self._tell(op="interrupt", run_id=self.run_id)

    async def _tell(self, **message: object) -> None:
        with contextlib.suppress(EngineError):  # a finished run does not need the message
            await self._control.send(**message)


@define
class LaunchedKernel:
    """A kernel with a supervisor."""

    spec: KernelSpec
    _folder: KernelFolder
    _launcher: Launcher
    _grace: float
    _on_fault: Tell
    _read_end: Callable[[KernelFolder, Ended], Awaitable[ExitStatus]]
    _carriers: TaskGroup | None = None
    services: Sequence[Service] = ()

    @property
    def home(self) -> Path:
        return self._folder.home

    async def ready(self) -> None:
        """Wait until the kernel accepts runs; raises EngineError if it ends before."""
        async with self._connected() as control:
            await control.ask(op="ping")

    async def execute(
        self,
        mode: RunMode,
        code: str,
        options: Mapping[str, object],
        run_id: str | None = None,
        *,
        piped: bool = False,
    ) -> KernelRun:
        run_id = run_id or secrets.token_hex(8)
        if not isinstance(code, str) or not isinstance(run_id, str):
            raise EngineError("code and run id must be texts")
        request = {"mode": mode, "code": code, "options": dict(options), "piped": piped}
        control, _ = await self._begin(op="execute", run_id=run_id, **request)
        return KernelRun(run_id, control, piped)

    async def follow(self, run_id: str) -> KernelRun:
        """Follow a run by its id, beginning with the stored events."""
        control, _ = await self._begin(op="follow", run_id=run_id)
        return KernelRun(run_id, control)

    async def interrupt(self) -> None:
        async with self._connected() as control:
            await control.send(op="interrupt", run_id=None)

    async def note(self, text: str) -> None:
        async with self._connected() as control:
            await control.send(op="note", text=text)

    async def open_terminal(self) -> KernelTerminal:
        control, _ = await self._begin(op="terminal")
        return KernelTerminal(control)

    async def connect(
        self,
        app: str,
        port: int | None = None,
        arguments: Mapping[str, object] | None = None,
        envs: Mapping[str, str] | None = None,
    ) -> ServiceConnection:
        request = {"arguments": dict(arguments or {}), "envs": dict(envs or {})}
        if self._carriers is None:
            async with self._connected() as control:
                return await ask_for_connection(control, app=app, port=port, **request)
        control = await connect(self._way, self._on_fault)
        try:
            return await relay_connection(control, self._carriers, app=app, port=port, **request)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await control.aclose()
            raise

    async def shut_down_service(self, app: str) -> None:
        async with self._connected() as control:
            await control.ask(op="shutdown", app=app)

    async def idle_for(self) -> float | None:
        async with self._connected() as control:
            match await control.ask(op="idle"):
                case {"seconds": None}:
                    return None
                case {"seconds": int(seconds) | float(seconds)} if 0 <= seconds < _LONGEST_IDLE:
                    return float(seconds)
            raise control.fault("it sent no idle time")

    async def complete(self, code: str, options: Mapping[str, object]) -> Sequence[str]:  # noqa: ARG002 - the contract has it
        async with self._connected() as control:
            match await control.ask(op="complete", code=code):
                case {"candidates": list(candidates)}:
                    return [str(candidate) for candidate in candidates]
            raise control.fault("it sent no candidates")

    async def leave(self) -> None:
        if isinstance(self._launcher, AskingLauncher):
            self._launcher.expect_end(self.spec.kernel_id)
        with anyio.move_on_after(self._grace + LEAVING_TIMEOUT):
            await self.wait()
            return
        await self.stop()

    async def stop(self, *, forced: bool = False) -> ExitStatus:
        await self._launcher.end(self.spec.kernel_id, 0 if forced else self._grace)
        return await self.wait()

    async def wait(self, on_state: Callable[[State], None] = _ignore) -> ExitStatus:
        ended = await until_ended(self._launcher, self.spec.kernel_id, on_state)
        return await self._read_end(self._folder, ended)

    def _way(self, name: str) -> Awaitable[ByteStream]:
        return self._launcher.connect(self.spec.kernel_id, name)

    def _connected(self) -> AbstractAsyncContextManager[Control]:
        return connected(self._way, self._on_fault)

    async def _begin(self, **request: object) -> tuple[Control, dict[str, Any]]:
        """Send a request on a new connection, which stays open."""
        control = await connect(self._way, self._on_fault)
        try:
            return control, await control.ask(**request)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await control.aclose()
            raise


async def until_ended(
    launcher: Launcher, kernel_id: str, on_state: Callable[[State], None] = _ignore
) -> Ended:
    """Wait until a kernel has ended."""
    state = await launcher.watch(kernel_id, None)
    while not isinstance(state, Ended):
        on_state(state)
        state = await launcher.watch(kernel_id, state)
    return state
