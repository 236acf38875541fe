"""Where a forwarded port listens: loopback unless told, both addresses of it."""

import errno
import os
import re
import socket
from collections.abc import Sequence

import trio
from attrs import frozen

from atoll import AtollError, UsageError
from atoll.api.endpoints import is_loopback

LOOPBACK = "127.0.0.1"
_LOOPBACK_6 = "::1"
_TRIES = 20
_LAST_PORT = 65535
_FORM = re.compile(r"(?:(\[[^\]]+\]|[^:\[\]]*):)?(\d{1,5})")
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


@frozen
class Bind:
    """A local address; port 0 means any that is free."""

    host: str = LOOPBACK
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "Bind":
        """Read `[HOST:]PORT`, where an IPv6 address stands in brackets; raises UsageError."""
        match = _FORM.fullmatch(text.strip())
        if match is None or int(match[2]) > _LAST_PORT:
            raise UsageError(f"{text!r} is not of the form [HOST:]PORT", hint="such as 9900")
        return cls((match[1] or LOOPBACK).strip("[]"), int(match[2]))

    def next(self) -> "Bind":
        """Return the address with the port after this one; raises UsageError after the last."""
        if self.port == _LAST_PORT:
            raise UsageError(f"there is no port after {self.port}")
        return Bind(self.host, self.port + 1 if self.port else 0)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can get there."""
        return is_loopback(self.host)

    @property
    def shown_host(self) -> str:
        """The host as it stands in a URL."""
        host = {"0.0.0.0": LOOPBACK, "::": _LOOPBACK_6}.get(self.host, self.host)  # noqa: S104  # compared, not bound
        return f"[{host}]" if ":" in host else host


async def listen(bind: Bind) -> tuple[list[trio.SocketListener], int]:
    """Listen at an address; returns the listeners and the port, the same for all of them.

    The loopback address of IPv4 takes that of IPv6 along where there is one, since programs differ
    in what `localhost` means to them. Raises AtollError when it can't be had.
    """
    hosts = [LOOPBACK, _LOOPBACK_6] if bind.host in {LOOPBACK, "localhost"} else [bind.host]
    for _ in range(_TRIES):
        try:
            return await _listen_all(hosts, bind.port)
        except OSError as error:
            if bind.port or error.errno != errno.EADDRINUSE:
                raise _refused(bind, error) from None
    raise AtollError(f"no port is free at {bind.host}")


async def _listen_all(hosts: Sequence[str], port: int) -> tuple[list[trio.SocketListener], int]:
    listeners = await trio.open_tcp_listeners(port, host=hosts[0])
    port = port or listeners[0].socket.getsockname()[1]
    for host in hosts[1:]:
        try:
            listeners += await trio.open_tcp_listeners(port, host=host)
        except OSError as error:
            if error.errno not in _NO_SUCH_ADDRESS:
                for listener in listeners:
                    await listener.aclose()
                raise
    return listeners, port


def _refused(bind: Bind, error: OSError) -> AtollError:
    where = f"{bind.shown_host}:{bind.port}"
    if error.errno == errno.EADDRINUSE:
        return AtollError(f"{where} is in use already", hint="port 0 is any that is free")
    if isinstance(error, socket.gaierror):
        return AtollError(f"can't listen at {where}: no address is known for {bind.host}")
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return AtollError(f"can't listen at {where}: {reason}")
