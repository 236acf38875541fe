"""A terminal in a session (`GET /stream/session/{s}/pty`), for `shell` and `run --terminal`."""

import base64
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio
from attrs import define

from atoll import AtollError, Context, Unreachable, UsageError
from atoll.transport import Channel, ChannelClosed
from atoll_sessions.streams import open_stream

if TYPE_CHECKING:
    from atoll import Api

_ESCAPE = b"~."
"""Typed at the start of a line, it leaves a terminal that does not answer, as in OpenSSH."""
_LINE_ENDS = (b"\r", b"\n")


def the_terminal(context: Context, what: str) -> int:
    """Return the descriptor of the user's terminal; raises UsageError if there is none.

    `what` names the command that needs it, for the message.
    """
    source = context.stdin.file
    if not context.foreground or source is None or not source.isatty() or not sys.stdout.isatty():
        raise UsageError(f"{what} needs a terminal")
    return source.fileno()


async def open_terminal(context: Context, api: "Api", session_id: str, descriptor: int) -> None:
    """Connect the user's terminal to a shell in the session, until the shell ends.

    Raises Unreachable if the connection is lost, AtollError if the session can't open a terminal.
    """
    failure: AtollError | None = None
    async with open_stream(api, session_id, "pty") as channel:
        context.output.note("connected; Enter, then ~. leaves")
        with _raw(descriptor):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_follow_size, channel)
                nursery.start_soon(_send_keys, channel, descriptor, nursery.cancel_scope)
                failure = await _show(context, api, channel)
                nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _show(context: Context, api: "Api", channel: Channel) -> AtollError | None:
    """Write the session's output until the session closes the terminal; returns the error, if
    any.
    """
    shown = 0
    try:
        # 23.09 sends text frames, 26.x binary ones that contain the same JSON.
        while (output := api.decode(await channel.receive(), _output)) is not None:
            context.output.stream_bytes(output)
            await context.output.drain()
            shown += len(output)
    except ChannelClosed as closed:
        if not closed.clean:
            return Unreachable("the connection to the terminal was lost")
    # If the image has no terminal of its own, managers close the channel at once, without a reason.
    nothing = AtollError("this session cannot open a terminal", hint="try atoll ssh, or its ttyd")
    return None if shown else nothing


def _output(message: Any) -> bytes | None:
    """Return the output in a message, None if it is the last message of the embedded cluster."""
    if message.get("type") == "end":
        return None
    return base64.b64decode(message["data"]) if message.get("type") == "out" else b""


async def _send_keys(channel: Channel, descriptor: int, scope: trio.CancelScope) -> None:
    # The size is sent before any key, since typed keys may start a program that asks for it.
    await _send_size(channel)
    typed = Typed()
    while not typed.left:
        await trio.lowlevel.wait_readable(descriptor)
        if keys := typed.take(os.read(descriptor, 4096)):
            await _send(channel, {"type": "stdin", "chars": base64.b64encode(keys).decode()})
    scope.cancel()


@define
class Typed:
    """Finds the escape sequence among typed keys on their way to a session."""

    left: bool = False
    """Whether the user has typed the escape sequence."""
    _line_start: bool = True
    _held: bytes = b""
    """Typed keys that may be the beginning of the escape sequence."""

    def take(self, keys: bytes) -> bytes:
        """Add typed keys; returns those that can be sent now."""
        keys, self._held = self._held + keys, b""
        lines = keys.splitlines(keepends=True)
        for number, line in enumerate(lines):
            at_start = self._line_start or number > 0
            if at_start and line.startswith(_ESCAPE):
                self.left = True
                return b"".join(lines[:number])
            if at_start and line == _ESCAPE[:1]:
                self._line_start, self._held = True, line
                return b"".join(lines[:number])
        self._line_start = keys.endswith(_LINE_ENDS)
        return keys


async def _follow_size(channel: Channel) -> None:
    with trio.open_signal_receiver(signal.SIGWINCH) as changes:
        async for _ in changes:
            await _send_size(channel)


async def _send_size(channel: Channel) -> None:
    # Not from COLUMNS, which does not change when the window is resized.
    size = os.get_terminal_size(sys.stdout.fileno())
    await _send(channel, {"type": "resize", "rows": size.lines, "cols": size.columns})


async def _send(channel: Channel, message: dict[str, object]) -> None:
    try:
        await channel.send(json.dumps(message))
    except ChannelClosed:
        # The closing ends the task that reads from the channel, and then this one.
        await trio.sleep_forever()


@contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Put the terminal into raw mode: each key is sent at once, also Ctrl-C."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    # Without the usual flush, which would drop keys that were typed ahead.
    tty.setraw(descriptor, termios.TCSANOW)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
