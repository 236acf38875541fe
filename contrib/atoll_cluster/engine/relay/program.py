"""The relay: it carries one connection over its standard input and output, or many over TCP.

`listen ARGV…` runs a kernel's supervisor, passes signals on to it, and ends when the supervisor
ends. Meanwhile it listens at a port, writes the port to `relay.json`, and accepts callers who have
the kernel's key. `reach` connects one kernel to another kernel.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import sys

from .carry import CHUNK, carry
from .reach import ADDRESS, reach
from .tls import PEM, context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PASSED_ON = (signal.SIGTERM, signal.SIGUSR2, signal.SIGQUIT)
HANDSHAKE = 10.0
"""Seconds in which a caller must prove that it has the key."""


def main(words: Sequence[str]) -> int:
    """Run the command that `words` give; returns the exit code."""
    how, *argv = words
    if how == "reach":
        return asyncio.run(reach(*argv))
    return asyncio.run(listen(argv) if how == "listen" else serve_stdio())


async def serve_stdio() -> int:
    """Carry one connection over standard input and output."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), sys.stdout.buffer
    )
    await carry(reader, asyncio.StreamWriter(transport, protocol, None, loop))
    return 0


async def listen(argv: Sequence[str]) -> int:
    """Run a supervisor, and accept callers until it has ended."""
    loop = asyncio.get_running_loop()
    early: list[int] = []
    for number in PASSED_ON:
        loop.add_signal_handler(number, early.append, number)
    server = await asyncio.start_server(
        carry,
        "0.0.0.0",  # noqa: S104 - callers without the key are refused
        0,
        limit=CHUNK,
        ssl=context(PEM, ssl.PROTOCOL_TLS_SERVER),
        ssl_handshake_timeout=HANDSHAKE,
    )
    supervisor = await asyncio.create_subprocess_exec(*argv)
    for number in PASSED_ON:
        loop.add_signal_handler(number, _pass_on, supervisor, number)
    for missed in early:
        _pass_on(supervisor, missed)
    _tell(server.sockets[0].getsockname()[1])
    code = await supervisor.wait()
    server.close()
    return code if code >= 0 else 128 - code


def _pass_on(supervisor: asyncio.subprocess.Process, number: int) -> None:
    if supervisor.returncode is None:
        supervisor.send_signal(number)


def _tell(port: int) -> None:
    """Write the address; a reader finds the complete file or no file."""
    new = f"{ADDRESS}.new"
    with open(new, "w", encoding="utf-8") as file:
        json.dump({"host": socket.gethostname(), "port": port}, file)
    os.replace(new, ADDRESS)
