"""Connect to a kernel on another machine: over TCP with the kernel's key, or through a program.

Both connect to the kernel's relay (`relay/`), which passes the connection on to a socket in the
kernel's folder.
"""

import contextlib
import json
import os
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, ByteStream, Process
from attrs import define

from .arrivals import Arrival
from .contract import KernelGone
from .control import GONE
from .relay.listening import ADDRESS
from .relay.tls import PEM, context
from .tls_stream import TlsStream

CONNECT_TIMEOUT = 10.0
"""Seconds in which a node must accept a connection and prove that it has the kernel's key."""
_ENDS = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


def has_begun(folder: Path) -> bool:
    """Return whether a kernel that was started with `Job.command(listens=True)` listens now.

    This lists the folder, because a shared file system shows new files first in lists.
    """
    try:
        return any(one.name == ADDRESS for one in (folder / "run").iterdir())
    except OSError:
        return False


async def connect_over_tcp(
    folder: Path, name: str, host: str | None = None, arrival: Arrival | None = None
) -> ByteStream:
    """Connect to the socket `name` of a kernel that was started with `Job.command(listens=True)`.

    `host` is the address of the node; None means the name that the node has given itself. If the
    kernel has reported its address, `arrival`, its files need not be read. Both sides prove that
    they have the key of this kernel. Raises KernelGone if nothing answers.
    """
    run = folder / "run"
    try:
        address = arrival
        if address is None:
            address = await anyio.to_thread.run_sync(_written_address, run / ADDRESS)
        with anyio.fail_after(CONNECT_TIMEOUT):
            tls = context(str(run / PEM), ssl.PROTOCOL_TLS_CLIENT)
            stream = await TlsStream.connect(host or address.host, address.port, tls)
            try:
                await stream.send(f"{name}\n".encode())
            except BaseException:
                await anyio.aclose_forcefully(stream)
                raise
    except (*_ENDS, LookupError, ValueError, TypeError, TimeoutError) as error:
        raise KernelGone(GONE) from error
    return stream


async def connect_through(argv: Sequence[str], name: str) -> ByteStream:
    """Connect to the socket `name` through a program that runs the relay on the kernel's machine.

    `argv` must end with the words of `relay_command`. Raises KernelGone if it does not start.
    """
    try:
        process = await anyio.open_process(argv, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise KernelGone(GONE) from error
    if process.stdin is None or process.stdout is None:
        raise KernelGone(GONE)
    stream = ProgramStream(process, process.stdout, process.stdin)
    try:
        await stream.send(f"{name}\n".encode())
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await stream.aclose()
        if isinstance(error, _ENDS):
            raise KernelGone(GONE) from error
        raise
    return stream


def _written_address(path: Path) -> Arrival:
    """Read where a kernel listens; raises LookupError, TypeError or ValueError."""
    address = read_fresh(path)
    return Arrival(path.parent.parent.name, str(address["host"]), int(address["port"]))


@define
class ProgramStream(ByteStream):
    """The standard input and output of a program; closing the stream kills the program."""

    _process: Process
    _reading: ByteReceiveStream
    _writing: ByteSendStream

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return the next bytes that the program has written."""
        return await self._reading.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        """Write bytes to the program's standard input."""
        await self._writing.send(item)

    async def send_eof(self) -> None:
        """Close the program's standard input."""
        await self._writing.aclose()

    async def aclose(self) -> None:
        """Kill the program, and wait until it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.aclose()


def read_fresh(path: Path) -> dict[str, Any]:
    """Read a JSON object that another machine may have just written; empty if there is none.

    If a program opens a file on a shared file system before the file exists, the file system may
    remember for a while that it does not exist. Lists of folders are newer, so this opens the file
    only when it is listed.
    """
    try:
        if path.name not in os.listdir(path.parent):  # noqa: PTH208 - names alone are wanted
            return {}
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def allow_connections(folder: Path) -> None:
    """Create the key that lets the cluster connect to a program that was started by `listening`."""
    write_key(folder / "run" / PEM, folder.name)


def write_key(path: Path, kernel_id: str) -> None:
    """Create the private key of a kernel, and its certificate, which both sides know."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, kernel_id[:64])])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        # The clocks of two machines may differ, and the key is deleted with its kernel anyway.
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2200, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private + certificate.public_bytes(form.Encoding.PEM))
