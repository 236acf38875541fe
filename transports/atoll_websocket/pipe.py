"""Passing bytes from socket to socket inside the kernel, where they need not be looked at."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from attrs import frozen

from atoll_websocket.wire import Wire

_CAPACITY = 1024 * 1024
WORTH_IT = 64 * 1024
"""Bytes from which on a pipe is quicker than reading and writing."""


@frozen
class Pipe:
    """Its two descriptors."""

    exit: int
    entry: int

    async def empty_into(self, sink: Wire, count: int) -> None:
        """Move the `count` bytes that are in it on to a socket; raises BrokenResourceError."""
        while count:
            count -= await sink.splice_from(self.exit, count)


@contextmanager
def pipe_between(source: Wire, sink: Wire) -> Iterator[Pipe | None]:
    """Make a pipe for bytes from one socket to another, None where there can't be one."""
    if not (hasattr(os, "splice") and source.is_socket and sink.is_socket):
        yield None
        return
    pipe = Pipe(*os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC))
    with suppress(OSError):
        # Users have a limit for all their pipes together; a small one serves, too.
        fcntl.fcntl(pipe.entry, fcntl.F_SETPIPE_SZ, _CAPACITY)
    try:
        yield pipe
    finally:
        os.close(pipe.exit)
        os.close(pipe.entry)
