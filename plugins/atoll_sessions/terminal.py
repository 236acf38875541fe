"""A terminal in a session (`GET /stream/session/{s}/pty`), for `run --terminal`."""

import base64
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from atoll import AtollError, Context, Unreachable, UsageError
from atoll.api import path
from atoll.transport import Channel, ChannelClosed

if TYPE_CHECKING:
    from atoll.api import Api

_ESCAPE = b"~."
"""Typed at the start of a line, it leaves a terminal that no longer answers, as in OpenSSH."""


async def open_terminal(context: Context, api: "Api", session_id: str) -> None:
    """Connect the user's terminal to a shell in the session, until that ends.

    Raises UsageError where there is no terminal, Unreachable when the connection is lost.
    """
    source = context.stdin.file
    if not context.foreground or source is None or not source.isatty() or not sys.stdout.isatty():
        raise UsageError("run: --terminal needs a terminal")
    context.output.note("connected; Enter ~ . leaves")
    failure: AtollError | None = None
    async with api.open(path("stream", "session", session_id, "pty")) as channel:
        with _raw(source.fileno()):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_follow_size, channel)
                nursery.start_soon(_send_keys, channel, source.fileno(), nursery.cancel_scope)
                failure = await _show(channel)
                nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _show(channel: Channel) -> AtollError | None:
    """Write what the session shows, until it ends; returns what went wrong, if anything did."""
    shown = 0
    try:
        while True:
            # 23.09 sends text frames, 26.x binary ones with the same JSON in them.
            message = json.loads(await channel.receive())
            if message.get("type") == "out":
                shown += os.write(sys.stdout.fileno(), base64.b64decode(message["data"]))
    except ChannelClosed as closed:
        if not closed.clean:
            return Unreachable("the connection to the terminal was lost")
    # Managers close at once, without a word, where an image has no terminal of its own.
    return None if shown else AtollError("this session opens no terminal", hint="its ttyd does")


async def _send_keys(channel: Channel, descriptor: int, scope: trio.CancelScope) -> None:
    line_start, held = True, b""
    while True:
        await trio.lowlevel.wait_readable(descriptor)
        keys = held + os.read(descriptor, 4096)
        if line_start and keys.startswith(_ESCAPE):
            scope.cancel()
            return
        held = keys if line_start and keys == _ESCAPE[:1] else b""
        if not held:
            line_start = keys.endswith((b"\r", b"\n"))
            await _send(channel, {"type": "stdin", "chars": base64.b64encode(keys).decode()})


async def _follow_size(channel: Channel) -> None:
    with trio.open_signal_receiver(signal.SIGWINCH) as changes:
        await _send_size(channel)
        async for _ in changes:
            await _send_size(channel)


async def _send_size(channel: Channel) -> None:
    size = shutil.get_terminal_size()
    await _send(channel, {"type": "resize", "rows": size.lines, "cols": size.columns})


async def _send(channel: Channel, message: dict[str, object]) -> None:
    try:
        await channel.send(json.dumps(message))
    except ChannelClosed:
        # Whoever reads hears of the end, and ends this.
        await trio.sleep_forever()


@contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Hand every key on as it is typed, Ctrl-C included."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
