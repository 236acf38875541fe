"""Runs a command on a host, by an `ssh` that has a connection to it."""

import os
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

import trio

from atoll_ssh.contract import MOST_OUTPUT, Completed, TooMuchOutput
from atoll_ssh.openssh.mux import MuxClient

_CHUNK = 2**16
_SIGNALLED = 255
START_TIMEOUT = 10.0
"""Seconds in which a host must start a command."""


async def run_command(client: MuxClient, command: str, stdin: bytes) -> Completed:
    """Run a command by a new client, which this closes, and wait for its end.

    Raises MuxRefused, MuxGone and trio.TooSlowError if it does not start, TooMuchOutput if
    it prints too much. The exit code is 255 if it ended without one.
    """
    async with client, AsyncExitStack() as streams:
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        (far_in, stdin_end), (stdout_end, far_out), (stderr_end, far_err) = pipes
        near = [trio.lowlevel.FdStream(end) for end in (stdin_end, stdout_end, stderr_end)]
        for stream in near:
            streams.push_async_exit(stream)
        try:
            with trio.fail_after(START_TIMEOUT):
                await client.start(command, (far_in, far_out, far_err))
        finally:
            for descriptor in (far_in, far_out, far_err):
                os.close(descriptor)
        printed = await _exchange(near, stdin)
        if max(map(len, printed)) > MOST_OUTPUT:
            raise TooMuchOutput(command)
        code = await client.exit_code()
    return Completed(_SIGNALLED if code is None else code, *printed)


async def _exchange(near: Sequence[trio.lowlevel.FdStream], stdin: bytes) -> tuple[bytes, bytes]:
    """Send a command its input; returns what it has printed, not much more than MOST_OUTPUT."""
    sink, output, errors = near
    printed, printed_errors = bytearray(), bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_feed, sink, stdin)
        nursery.start_soon(_collect, output, printed, nursery.cancel_scope)
        nursery.start_soon(_collect, errors, printed_errors, nursery.cancel_scope)
    return bytes(printed), bytes(printed_errors)


async def _feed(sink: trio.lowlevel.FdStream, data: bytes) -> None:
    with suppress(trio.BrokenResourceError):  # a command that has ended does not read any more
        await sink.send_all(data)
    await sink.aclose()


async def _collect(
    source: trio.lowlevel.FdStream, printed: bytearray, everything: trio.CancelScope
) -> None:
    """Store what a command prints; if that is too much, end everything."""
    while chunk := await source.receive_some(_CHUNK):
        printed += chunk
        if len(printed) > MOST_OUTPUT:
            everything.cancel()
            return
