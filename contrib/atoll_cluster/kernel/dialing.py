"""Connect to a socket without blocking the loop."""

from __future__ import annotations

import errno
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Union

    from .loop import Loop

    Address = Union[str, tuple[str, int]]
    """The path of a unix socket, or an IP address and a port."""

BUSY = 0.02
"""Seconds until the next attempt if the queue of the listening socket is full."""
TRIES = 250


def dial(
    loop: Loop,
    addresses: Sequence[Address],
    done: Callable[[socket.socket | None], None],
    tries: int = TRIES,
) -> None:
    """Try one address after the other; `done` gets a connected socket, None if all fail."""
    if not addresses:
        done(None)
        return
    address = addresses[0]
    sock = socket.socket(_family(address), socket.SOCK_STREAM)
    sock.setblocking(False)

    def judge(code: int) -> None:
        if code == 0:
            done(sock)
        elif code == errno.EINPROGRESS:
            loop.on_writable(sock.fileno(), decided)
        else:
            sock.close()
            if code == errno.EAGAIN and tries:
                loop.later(BUSY, lambda: dial(loop, addresses, done, tries - 1))
            else:
                dial(loop, addresses[1:], done)

    def decided() -> None:
        loop.on_writable(sock.fileno(), None)
        judge(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    judge(sock.connect_ex(address))


def _family(address: Address) -> int:
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET
