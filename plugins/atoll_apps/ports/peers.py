"""Finding the account whose process has connected to a port of this machine.

A port on loopback is open to all accounts of a machine, and TCP itself does not tell which of them
has connected. The kernel knows: we ask it about the socket at the other end over netlink, which
takes 20 µs (sock_diag(7), `INET_DIAG`); where that is not available, we read its tables in /proc.
"""

import errno
import socket
import struct
from ipaddress import ip_address
from pathlib import Path

import trio

ROOT = 0
_NETLINK = (socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 4)
"""The arguments of the netlink socket; the last one is `NETLINK_SOCK_DIAG`."""
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
"""Length, type, flags, sequence number and port of a netlink message (`nlmsghdr`)."""
_QUERY = struct.Struct("=BBBxI")
"""Family, protocol, extensions and states (`inet_diag_req_v2`); a socket's id follows."""
_ID = struct.Struct("!HH16s16s12s")
"""Ports and addresses of a socket, its own first, interface and cookie (`inet_diag_sockid`)."""
_ANY_INTERFACE_NO_COOKIE = bytes(4) + b"\xff" * 8
_ANSWER = struct.Struct("=BBBB48sIIIII")
"""Family, state, two timers, the id, three sizes, the owner and the inode (`inet_diag_msg`)."""
_PORTS = 4
"""How many bytes at the start of an id hold the ports. Only these are compared, since the kernel
may write IPv4 addresses in the form of IPv6.
"""
_LISTENING = 10
_TABLES = ("tcp", "tcp6")


async def owner_of_peer(sock: "trio.socket.SocketType") -> int | None:
    """Return the user id of the process that has connected, None if it is not known.

    It is not known for connections from other machines, and for connections that were closed at
    once.
    """
    if sock.family == socket.AF_UNIX:
        return _credentials(sock)
    try:
        here, there = sock.getsockname()[:2], sock.getpeername()[:2]
    except OSError:
        return None  # the connection was reset meanwhile
    try:
        return _ask_kernel(sock.family, there, here)
    except OSError:
        return await trio.to_thread.run_sync(_look_up, there, here)


def _credentials(sock: "trio.socket.SocketType") -> int:
    packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("=3i", packed)[1])


def _ask_kernel(family: int, ours: tuple[str, int], other: tuple[str, int]) -> int | None:
    """Return the owner of the socket with address `ours` that is connected to `other`.

    Raises OSError where the kernel does not support such queries.
    """
    wanted = _ID.pack(
        ours[1], other[1], _packed(ours[0]), _packed(other[0]), _ANY_INTERFACE_NO_COOKIE
    )
    query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + wanted
    size = _HEADER.size + len(query)
    with socket.socket(*_NETLINK) as link:
        link.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + query)
        # The kernel has answered by the time that sending returns.
        answer = link.recv(4096)
    kind = _HEADER.unpack_from(answer)[1]
    if kind != _SOCK_DIAG_BY_FAMILY:
        _check_error(struct.unpack_from("=i", answer, _HEADER.size)[0])
        return None
    _, state, _, _, found, _, _, _, uid, inode = _ANSWER.unpack_from(answer, _HEADER.size)
    # If nothing is connected, the kernel reports the listening socket instead.
    if state == _LISTENING or found[:_PORTS] != wanted[:_PORTS]:
        return None
    # If no process holds a socket any more, the kernel reports root as its owner.
    return int(uid) if uid or inode else None


def _packed(address: str) -> bytes:
    return ip_address(address.partition("%")[0]).packed.ljust(16, b"\0")


def _check_error(code: int) -> None:
    """Raise the error of a netlink message, unless it says that there is no such socket."""
    if -code != errno.ENOENT:
        raise OSError(-code, "the kernel gives no information on sockets")


def _look_up(ours: tuple[str, int], other: tuple[str, int]) -> int | None:
    """Search the kernel's tables in /proc, which may contain an IPv4 address in the form of
    IPv6.
    """
    wanted = {_in_table(ours, mapped) + " " + _in_table(other, mapped) for mapped in (False, True)}
    for name in _TABLES:
        try:
            with Path("/proc/net", name).open(encoding="ascii") as table:
                for line in table:
                    words = line.split()
                    # An inode of 0 means that no process holds the socket any more.
                    if f"{words[1]} {words[2]}" in wanted and words[9] != "0":
                        return int(words[7])
        except OSError:
            continue
    return None


def _in_table(address: tuple[str, int], mapped: bool) -> str:
    """Format an address as the tables do: words of four bytes in the byte order of the machine."""
    ip = ip_address(address[0].partition("%")[0])
    packed = bytes(10) + b"\xff\xff" + ip.packed if mapped and ip.version == 4 else ip.packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"
