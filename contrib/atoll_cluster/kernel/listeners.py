"""Find the ports at which programs of this kernel listen; several kernels may share a network."""

from __future__ import annotations

import os
import re
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = {"/proc/net/tcp": socket.AF_INET, "/proc/net/tcp6": socket.AF_INET6}
LISTENING = "0A"
ANYWHERE = {"0.0.0.0": ["127.0.0.1"], "::": ["::1", "127.0.0.1"]}  # noqa: S104 - no socket is bound
"""The addresses to connect to if a program listens at all addresses."""
SOCKET = re.compile(r"socket:\[(\d+)\]")


def addresses(port: int) -> list[str]:
    """Return the addresses at which a visible process listens on a TCP port.

    In a sandbox, only the processes of this kernel are visible.
    """
    found = {inode: host for host, number, inode in _listening() if number == port}
    own = _own_sockets(set(found)) if found else set()
    hosts = (ANYWHERE.get(host, [host]) for inode, host in found.items() if inode in own)
    return [host for several in hosts for host in several]


def _listening() -> Iterator[tuple[str, int, str]]:
    """Yield address, port and inode of every listening socket in this network."""
    for table, family in TABLES.items():
        try:
            with open(table, encoding="ascii") as file:
                lines = file.readlines()[1:]
        except OSError:
            continue  # The machine has no IPv6.
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING:
                host, port = fields[1].split(":")
                yield _decode(family, host), int(port, 16), fields[9]


def _decode(family: int, text: str) -> str:
    """Decode an address in the format of /proc: words of four bytes, each reversed."""
    words = (bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8))
    return socket.inet_ntop(family, b"".join(words))


def _own_sockets(inodes: set[str]) -> set[str]:
    return {inode for inode in _open_sockets() if inode in inodes}


def _open_sockets() -> Iterator[str]:
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            descriptors = list(os.scandir(f"/proc/{process}/fd"))
        except OSError:
            continue  # The process has ended, or it belongs to another user.
        for descriptor in descriptors:
            try:
                match = SOCKET.fullmatch(os.readlink(descriptor.path))
            except OSError:
                continue
            if match:
                yield match.group(1)
