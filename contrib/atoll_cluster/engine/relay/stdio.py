"""Carry one connection over standard input and output."""

from __future__ import annotations

import asyncio
import sys

from .carry import CHUNK, carry


async def serve_stdio(kernels: str = "") -> int:
    """Carry one connection; returns the exit code. See `carry` for `kernels`."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), sys.stdout.buffer
    )
    await carry(reader, asyncio.StreamWriter(transport, protocol, None, loop), kernels)
    return 0
