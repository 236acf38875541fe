"""Connect to a service of another kernel of the same session, as a `ProxyCommand` of SSH.

The kernels of a session belong to one user, and their folders are on one file system. So each
kernel can read the addresses and the keys of the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys

from .carry import CHUNK, HEAD
from .listening import ADDRESS
from .tls import PEM, context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ADDRESS_TIMEOUT = 30.0
"""Seconds to wait for a kernel's address, because the kernel may be starting."""
PAUSE = 0.25
LONGEST_ANSWER = 65536


async def reach(folder: str, app: str) -> int:
    """Connect standard input and output to the service of a kernel; returns the exit code."""
    run = os.path.join(folder, "run")
    try:
        address = await _address(run)
        reader, writer = await asyncio.open_connection(
            address["host"],
            int(address["port"]),
            limit=CHUNK,
            ssl=context(os.path.join(run, PEM), ssl.PROTOCOL_TLS_CLIENT),
        )
        await _ask(reader, writer, app)
    except (OSError, LookupError, ValueError, TypeError) as error:
        sys.stderr.write(f"the kernel can't be reached: {error}\n")
        return 1
    await _carry(reader, writer)
    return 0


async def _address(run: str) -> dict[str, Any]:
    """Wait for the file with the address; raises OSError if the file does not appear in time.

    This lists the folder, because a shared file system shows new files first in lists.
    """
    for _ in range(int(ADDRESS_TIMEOUT / PAUSE)):
        if address := _read(run):
            return address
        await asyncio.sleep(PAUSE)
    raise OSError("it does not say where it listens")


def _read(run: str) -> dict[str, Any]:
    try:
        if ADDRESS not in os.listdir(run):
            return {}
        with open(os.path.join(run, ADDRESS), encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return {}
    return found


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, app: str) -> None:
    request: dict[str, Any] = {
        "op": "connect",
        "app": app,
        "port": None,
        "arguments": {},
        "envs": {},
    }
    writer.write(b"kernel.sock\n" + json.dumps(request).encode() + b"\n")
    await writer.drain()
    line = await reader.readline()
    answer = json.loads(line[:LONGEST_ANSWER] or b'{"error": "it has ended"}')
    if answer.get("event") != "connected":
        raise OSError(answer.get("error", f"nobody listens for {app}"))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    output = asyncio.ensure_future(_show(reader))
    going = asyncio.ensure_future(_tell(writer))
    with contextlib.suppress(OSError, EOFError):
        await output
    going.cancel()
    with contextlib.suppress(asyncio.CancelledError, OSError):
        await going


async def _tell(writer: asyncio.StreamWriter) -> None:
    """Send standard input in pieces, each with its length; an empty piece marks the end."""
    loop = asyncio.get_running_loop()
    own = asyncio.StreamReader(limit=CHUNK)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(own), sys.stdin.buffer)
    data = b"."
    while data:
        data = await own.read(CHUNK)
        writer.write(len(data).to_bytes(HEAD, "big") + data)
        await writer.drain()


async def _show(reader: asyncio.StreamReader) -> None:
    """Write the received bytes to standard output, until their end."""
    while size := int.from_bytes(await reader.readexactly(HEAD), "big"):
        data = await reader.readexactly(size)
        await asyncio.get_running_loop().run_in_executor(None, _write, data)


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
