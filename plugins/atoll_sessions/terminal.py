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
"""Typed at the start of a line, it leaves a terminal that no longer answers, as in OpenSSH."""
_LINE_ENDS = (b"\r", b"\n")


def the_terminal(context: Context, what: str) -> int:
    """Return the descriptor of the user's terminal; raises UsageError if there is none.

    `what` is what needs it, for the message.
    """
    source = context.stdin.file
    if not context.foreground or source is None or not source.isatty() or not sys.stdout.isatty():
        raise UsageError(f"{what} needs a terminal")
    return source.fileno()


async def open_terminal(context: Context, api: "Api", session_id: str, descriptor: int) -> None:
    """Connect the user's terminal to a shell in the session, until the shell ends.

    Raises Unreachable when the connection is lost, AtollError when the session opens no terminal.
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
    """Write the session's output until it ends; returns the error, if any."""
    shown = 0
    try:
        # 23.09 sends text frames, 26.x binary ones with the same JSON in them.
        while (output := api.decode(await channel.receive(), _output)) is not None:
            context.output.stream_bytes(output)
            await context.output.drain()
            shown += len(output)
    except ChannelClosed as closed:
        if not closed.clean:
            return Unreachable("the connection to the terminal was lost")
    # Managers close at once, without a word, where an image has no terminal of its own.
    nothing = AtollError("this session cannot open a terminal", hint="try atoll ssh, or its ttyd")
    return None if shown else nothing


def _output(message: Any) -> bytes | None:
    """Return the output in a message, None if it is the last message of the embedded cluster."""
    if message.get("type") == "end":
        return None
    return base64.b64decode(message["data"]) if message.get("type") == "out" else b""


async def _send_keys(channel: Channel, descriptor: int, scope: trio.CancelScope) -> None:
    # First of all, since what was typed ahead may ask for it.
    await _send_size(channel)
    typed = Typed()
    while not typed.left:
        await trio.lowlevel.wait_readable(descriptor)
        if keys := typed.take(os.read(descriptor, 4096)):
            await _send(channel, {"type": "stdin", "chars": base64.b64encode(keys).decode()})
    scope.cancel()


@define
class Typed:
    """Filters typed keys on their way to a session for the escape sequence."""

    left: bool = False
    """Whether the escape was typed."""
    _line_start: bool = True
    _held: bytes = b""
    """The beginning of what may become an escape."""

    def take(self, keys: bytes) -> bytes:
        """Return which of the keys typed until now are to be sent."""
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
    # Not from COLUMNS, which stays what it was when the window becomes another.
    size = os.get_terminal_size(sys.stdout.fileno())
    await _send(channel, {"type": "resize", "rows": size.lines, "cols": size.columns})


async def _send(channel: Channel, message: dict[str, object]) -> None:
    try:
        await channel.send(json.dumps(message))
    except ChannelClosed:
        # Whoever reads hears of the end, and ends this.
        await trio.sleep_forever()


@contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Put the terminal into raw mode: every key is passed on at once, Ctrl-C included."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    # Without the usual flush, which would lose what was typed ahead.
    tty.setraw(descriptor, termios.TCSANOW)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
