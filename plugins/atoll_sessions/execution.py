"""One run of code in a session, over the execute stream (`GET /stream/session/{s}/execute`).

The API lets code ask for lines of input. Input that is piped into atoll is sent as bytes if the
cluster supports that; otherwise see :mod:`atoll_sessions.input_upload`.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import trio
from attrs import define, field

from atoll import AtollError, Context, ExitCode, Unreachable
from atoll.transport import Channel, ChannelClosed
from atoll.urls import path
from atoll_sessions.code import Code
from atoll_sessions.piped_input import SendWindow, send_input
from atoll_sessions.run_answers import TURN
from atoll_sessions.streams import open_stream

if TYPE_CHECKING:
    from atoll import Api
    from atoll_sessions.pictures import Album, Gallery

_GRACE = 5.0
"""Seconds that interrupted code has to end; then the command stops following it."""
_NO_INTERPRETER = 127
"""The exit code of `-c` on Backend.AI clusters if the session's interpreter has not started; in all
other cases it is 0 there.
"""
_BYTES = "execute-bytes"
"""The name of the cluster's feature to send raw bytes into a run and receive raw bytes from it."""


@define
class Execution:
    """Follows one run: shows its output, answers its prompts, interrupts it."""

    context: Context
    api: "Api"
    session_id: str
    session_name: str
    album: "Album | None" = None
    """The folder for the pictures that the code shows, if the user has chosen one."""
    interrupted: bool = field(default=False, init=False)
    _takes_bytes: bool = field(default=False, init=False)
    _lacks_input: bool = field(default=False, init=False)
    _window: SendWindow = field(factory=SendWindow, init=False)
    _opened: "Gallery | None" = field(default=None, init=False)

    async def run(self, code: Code) -> int:
        """Run the code; returns its exit code.

        Raises Unreachable when the connection is lost, AtollError when the code asks for input and
        there is none.
        """
        self._takes_bytes = await self.api.supports(_BYTES)
        if not self._takes_bytes and not self.context.stdin.is_terminal:
            from atoll_sessions.input_upload import upload_input

            code = await upload_input(self.context, self.api, self.session_id, code)
        exit_code: int = ExitCode.INTERRUPTED
        opening = open_stream(self.api, self.session_id, "execute")
        async with opening as channel, trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_interrupts, nursery.cancel_scope)
            await channel.send(json.dumps(await self._message(code)))
            if self._takes_bytes and not self.context.stdin.is_terminal:
                nursery.start_soon(send_input, self.context, channel, self._window)
            try:
                exit_code = await self._follow(channel)
            finally:
                self._settle_terminal()
            nursery.cancel_scope.cancel()
        if exit_code == _NO_INTERPRETER and code.mode == "query" and not self._takes_bytes:
            self.context.output.warn(
                f"the session has no interpreter for -c (atoll logs {self.session_name} shows why)"
            )
        if self._lacks_input and not self.interrupted:
            raise AtollError("the code asks for input, but there is none")
        return ExitCode.INTERRUPTED if self.interrupted else exit_code

    async def _message(self, code: Code) -> dict[str, Any]:
        message = code.paced(await self.api.version()).message()
        if self._takes_bytes:
            message |= {"bytes": True, "piped": not self.context.stdin.is_terminal}
        return message

    async def _follow(self, channel: Channel) -> int:
        async with aclosing(self._messages(channel)) as messages:
            async for message in messages:
                await self._show(message.get("console") or ())
                status = message.get("status")
                if status == "waiting-input":
                    if self._lacks_input:  # An interrupted debugger asks for input again.
                        return ExitCode.FAILED
                    await self._answer(channel, message)
                elif status == "input-room":
                    self._window.add((message.get("options") or {}).get("size") or 0)
                elif status == "build-finished" and message.get("exitCode"):
                    self.context.output.note(
                        f"the build failed with exit code {message['exitCode']}"
                    )
                elif status == "finished":
                    return int(message.get("exitCode") or 0)
                elif status == "exec-timeout":
                    self.context.output.warn("the cluster ended the run: it took too long")
                    return ExitCode.TIMED_OUT
                elif status in ("error", "server-restarting"):
                    raise self._error(str(message.get("msg") or status))
        raise self._lost()

    async def _messages(self, channel: Channel) -> AsyncGenerator[Mapping[str, Any]]:
        try:
            while True:
                yield self.api.decode(await channel.receive(), TURN)
        except ChannelClosed:
            return

    def _error(self, reason: str) -> AtollError:
        stuck = "KernelExecutionFailed" in reason
        again = f"atoll restart {self.session_name} lets it run code again" if stuck else ""
        if "JSONDecodeError" in reason:
            again = f"agents of Backend.AI fail if code shows an HTML page; {again}"
        return AtollError(f"the cluster could not run this: {reason}", hint=again)

    def _lost(self) -> Unreachable:
        return Unreachable(
            f"the connection to {self.api.profile.endpoint} was lost while the code ran",
            hint=f"session {self.session_name} may go on: atoll logs {self.session_name}",
        )

    async def _show(self, console: Any) -> None:
        stream = self.context.output.stream
        for kind, value in console:
            if kind in ("stdout", "stderr"):
                stream(kind, value)
            elif kind == "media" and value[0] == "text/plain":
                stream("stdout", value[1])
            elif kind == "media":
                await self._gallery().show(*value)
            elif kind == "html":
                stream("stdout", value)
                await self._gallery().page(value)
            elif kind == "log":
                stream("stderr", value)
        await self.context.output.drain()

    def _settle_terminal(self) -> None:
        """Prepare the terminal for the next reader: take away late answers to questions of this
        program.
        """
        if self._opened is not None:
            self._opened.close()

    def _gallery(self) -> "Gallery":
        """Return the gallery that shows pictures; it is made late, since most code shows none."""
        if self._opened is None:
            from atoll_sessions.pictures import Gallery

            self._opened = Gallery(self.context, self.session_name, self.album)
        return self._opened

    async def _answer(self, channel: Channel, message: Mapping[str, Any]) -> None:
        hidden = bool((message.get("options") or {}).get("is_password"))
        self._settle_terminal()
        line = await self.context.stdin.line(hidden=hidden)
        if line is not None:
            await channel.send(line)
        elif self._takes_bytes:
            await channel.send(b"")
        else:
            self._lacks_input = True
            await self._interrupt()

    async def _watch_interrupts(self, scope: trio.CancelScope) -> None:
        """Interrupt the code at the first Ctrl-C; stop following it at the second one, or if it
        does not react.
        """
        async with self.context.interrupts() as presses:
            async for _ in presses:
                if self.interrupted:
                    scope.cancel()
                    return
                self.interrupted = True
                scope.deadline = trio.current_time() + _GRACE
                await self._interrupt()

    async def _interrupt(self) -> None:
        with trio.move_on_after(_GRACE):
            try:
                await self.api.request("POST", path("session", self.session_id, "interrupt"))
            except AtollError as error:
                self.context.output.warn(f"the code could not be interrupted: {error}")
