"""Receive the addresses of new kernels, which files on a shared file system may show much later.

A kernel that was started with `Job.command(report_to=…)` connects once and sends one line, signed
with its key. The line contains no secret: a connection to the kernel needs the key itself.
"""

import hmac
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from attrs import define, field, frozen

from .launcher import Site
from .relay.report import signed
from .relay.tls import PEM

PATIENCE = 5.0
"""Seconds in which a caller must have sent its line."""
LONGEST = 4096
MOST = 64
"""Most callers at a time; the connections of others are closed."""
_KERNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NAME = re.compile(r"[A-Za-z0-9._-]{0,253}")
_log = logging.getLogger(__name__)


@frozen
class Arrival:
    """A kernel that has begun, with its address; `node` is its node's name, empty if unknown."""

    kernel_id: str
    host: str
    port: int
    node: str = ""


@asynccontextmanager
async def receive_arrivals(
    site: Site, on_arrival: Callable[[Arrival], object]
) -> AsyncIterator[str | None]:
    """Listen at a port of this machine, and call `on_arrival` for each kernel that has begun.

    Yields the address for `Job.command`, None if this machine lets no program listen.
    """
    try:
        listener = await anyio.create_tcp_listener(local_host="0.0.0.0")  # noqa: S104 - reports without a key are ignored
    except OSError as error:
        _log.warning("kernels cannot report their start: %s", error)
        yield None
        return
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no database is asked
    receiver = _Receiver(site, on_arrival)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, receiver.receive)
        yield f"{socket.gethostname()}:{port}"
        tasks.cancel_scope.cancel()


@define
class _Receiver:
    _site: Site
    _on_arrival: Callable[[Arrival], object]
    _callers: int = field(default=0, init=False)

    async def receive(self, stream: SocketStream) -> None:
        """Receive the line of one caller; invalid data end only this connection."""
        self._callers += 1
        try:
            async with stream:
                if self._callers <= MOST:
                    with anyio.move_on_after(PATIENCE):
                        await self._take(stream)
        except Exception as error:  # noqa: BLE001 - anybody can call, and send anything
            _log.debug("a report was ignored: %r", error)
        finally:
            self._callers -= 1

    async def _take(self, stream: SocketStream) -> None:
        line = await BufferedByteReceiveStream(stream).receive_until(b"\n", LONGEST)
        arrival = read_arrival(line)
        pem = anyio.Path(self._site.folder(arrival.kernel_id), "run", PEM)
        right = signed(line.partition(b" ")[2], await pem.read_bytes())
        if hmac.compare_digest(line + b"\n", right):
            self._on_arrival(arrival)


def read_arrival(line: bytes) -> Arrival:
    """Read a line; raises ValueError if it is invalid. This does not check the signature."""
    match json.loads(line.partition(b" ")[2]):
        case {"kernel_id": str(kernel), "host": str(host), "port": int(port), "node": str(node)}:
            if _KERNEL.fullmatch(kernel) and _NAME.fullmatch(host) and _NAME.fullmatch(node):
                return Arrival(kernel, host, port, node)
    raise ValueError("not the report of a kernel")
