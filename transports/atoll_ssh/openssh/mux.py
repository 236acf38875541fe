"""The protocol of OpenSSH's ControlMaster, as its PROTOCOL.mux describes it.

A client gives descriptors to a running `ssh`, which then copies between them and a new channel of
its connection. So a stream needs neither a process nor a copy in Python.
"""

import array
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import trio
from attrs import define, field

_HELLO, _VERSION = 0x1, 4
_NEW_SESSION, _TERMINATE, _NEW_STDIO_FORWARD = 0x10000002, 0x10000005, 0x10000008
_OK, _EXIT, _OPENED = 0x80000001, 0x80000004, 0x80000006
_REQUEST = 1
"""The number of the request; a connection carries only one."""
_NO, _NO_ESCAPE = 0, 0xFFFFFFFF
_REASON_AT = 12
"""Where the text of a refusal begins: behind its kind, the request and the length."""
_LONGEST = 2**18
_CHUNK = 2**14


class MuxRefused(Exception):
    """The `ssh` does not do what it was asked for; the text is its reason."""


class MuxGone(Exception):
    """No `ssh` answers at the socket, or its connection to the host has ended."""


@define(eq=False)
class MuxClient(trio.abc.AsyncResource):
    """A connection to the socket of an `ssh`. When it is closed, its stream or command ends, too.

    While one is open, `ssh` keeps its connection to the host. Methods raise MuxGone.
    """

    _stream: trio.SocketStream
    _received: bytearray = field(factory=bytearray, init=False)

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """Connect to a socket."""
        try:
            stream = await trio.open_unix_socket(str(path))
        except (OSError, ValueError) as error:
            raise MuxGone(str(error)) from None
        client = cls(stream)
        try:
            await client._greet()
        except BaseException:
            await trio.aclose_forcefully(client)
            raise
        return client

    @property
    def is_open(self) -> bool:
        """Whether the `ssh` still runs; for a client that has asked for nothing."""
        # An ssh without a request sends nothing, so only the end makes the socket readable.
        return not self._stream.socket.is_readable()

    async def forward(self, host: str, port: int, descriptors: Sequence[int]) -> None:
        """Connect descriptors, one to read and one to write, to `host:port`, as the remote host
        resolves it; raises MuxRefused.
        """
        await self._ask(_OPENED, _NEW_STDIO_FORWARD, "", host, port, descriptors=descriptors)

    async def start(self, command: str, descriptors: Sequence[int]) -> None:
        """Start a command with descriptors as its standard input, output and error output; raises
        MuxRefused.
        """
        flags = (_NO, _NO, _NO, _NO)  # neither a terminal, X11, an agent, nor a subsystem
        words = ("", *flags, _NO_ESCAPE, "", command)
        await self._ask(_OPENED, _NEW_SESSION, *words, descriptors=descriptors)

    async def exit_code(self) -> int | None:
        """Wait for the end of the command; None if it has ended without a code."""
        try:
            while True:
                packet = await self._packet()
                if _number(packet, 0) == _EXIT:
                    return _number(packet, 2)
        except MuxGone:
            return None

    async def terminate(self) -> None:
        """End the `ssh`, with all of its channels; raises MuxRefused."""
        await self._ask(_OK, _TERMINATE)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def _greet(self) -> None:
        await self._send(_HELLO, _VERSION)
        packet = await self._packet()
        if (_number(packet, 0), _number(packet, 1)) != (_HELLO, _VERSION):
            raise MuxGone("this ssh speaks another version of the protocol")

    async def _ask(
        self, good: int, kind: int, *values: int | str, descriptors: Sequence[int] = ()
    ) -> None:
        await self._send(kind, _REQUEST, *values)
        for descriptor in descriptors:
            await self._pass(descriptor)
        packet = await self._packet()
        if _number(packet, 0) != good:
            raise MuxRefused(packet[_REASON_AT:].decode(errors="replace") or "it refuses")

    async def _send(self, *values: int | str) -> None:
        body = b"".join(map(_packed, values))
        try:
            await self._stream.send_all(_packed(len(body)) + body)
        except trio.BrokenResourceError as error:
            raise MuxGone(str(error)) from None

    async def _pass(self, descriptor: int) -> None:
        rights = array.array("i", [descriptor])
        try:
            await self._stream.socket.sendmsg(
                [b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
            )
        except OSError as error:
            raise MuxGone(str(error)) from None

    async def _packet(self) -> bytes:
        await self._fill(4)
        size = 4 + _number(self._received, 0)
        if size > _LONGEST:
            raise MuxGone("this ssh sends what is no packet")
        await self._fill(size)
        packet = bytes(self._received[4:size])
        del self._received[:size]
        return packet

    async def _fill(self, size: int) -> None:
        """Receive until at least `size` bytes are there."""
        while len(self._received) < size:
            try:
                chunk = await self._stream.receive_some(_CHUNK)
            except trio.BrokenResourceError as error:
                raise MuxGone(str(error)) from None
            if not chunk:
                raise MuxGone("the ssh has ended")
            self._received += chunk


def _packed(value: int | str) -> bytes:
    if isinstance(value, int):
        return struct.pack("!I", value)
    text = value.encode()
    return struct.pack("!I", len(text)) + text


def _number(packet: bytes | bytearray, index: int) -> int:
    """Return a number of a packet; 0 if it is too short."""
    return int.from_bytes(packet[4 * index : 4 * index + 4])
