"""Local addresses to listen at: TCP ports, by default on loopback, and unix sockets."""

import errno
import os
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio
from attrs import frozen

from atoll import AtollError, UsageError
from atoll.urls import is_loopback

LOOPBACK = "127.0.0.1"
_LOOPBACK_6 = "::1"
_TRIES = 20
_LAST_PORT = 65535
_UNIX = "unix:"
_BACKLOG = 128
_FORM = re.compile(r"(?:(\[[^\]]+\]|[^:\[\]]*):)?(\d{1,5})")
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


@frozen
class Bind:
    """An address to listen at: `host` and `port`, 0 for any free one, or the `path` of a socket."""

    host: str = LOOPBACK
    port: int = 0
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "Bind":
        """Parse `[HOST:]PORT`, with an IPv6 address in brackets, or `unix:PATH`.

        Raises UsageError.
        """
        if text.startswith(_UNIX) and text != _UNIX:
            return cls("", 0, Path(text.removeprefix(_UNIX)).expanduser())
        match = _FORM.fullmatch(text.strip())
        if match is None or int(match[2]) > _LAST_PORT:
            raise UsageError(
                f"{text!r} is not of the form [HOST:]PORT or unix:PATH", hint="such as 9900"
            )
        return cls((match[1] or LOOPBACK).strip("[]"), int(match[2]))

    def next(self) -> "Bind":
        """Return the address with the port after this one; raises UsageError after the last."""
        if self.path is not None:
            raise UsageError("there is no socket after unix:PATH", hint="give one --bind for each")
        if self.port == _LAST_PORT:
            raise UsageError(f"there is no port after {self.port}")
        return Bind(self.host, self.port + 1 if self.port else 0)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.path is not None or is_loopback(self.host)

    @property
    def name(self) -> str:
        """The address as shown to users."""
        return f"{_UNIX}{self.path}" if self.path else f"{_bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of an HTTP server at the address."""
        return self.name if self.path else f"http://{self.shown_host}:{self.port}"

    @property
    def shown_host(self) -> str:
        """The host as written in a URL."""
        host = {"0.0.0.0": LOOPBACK, "::": _LOOPBACK_6}.get(self.host, self.host)  # noqa: S104  # compared, not bound
        return _bracketed(host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def check_share(bind: Bind, *, share: bool) -> None:
    """Raise UsageError for an address that other machines reach, unless it is shared."""
    if not (share or bind.is_local):
        raise UsageError(f"other machines reach {bind.name}", hint="--share lets them in")


@asynccontextmanager
async def listening(
    bind: Bind, *, share: bool = False
) -> AsyncIterator[tuple[list[trio.SocketListener], int]]:
    """Listen at an address; yields the listeners and their port, the same for all.

    If the address is the loopback address of IPv4, this also listens on that of IPv6 if there is
    one, since programs resolve `localhost` to either. A unix socket has port 0, and only its owner
    may open it unless `share`. Raises AtollError when the address is not available.
    """
    if bind.path is not None:
        mode = 0o666 if share else 0o600
        sock = await trio.to_thread.run_sync(_listen_unix, bind.path, mode)
        listeners, port = [trio.SocketListener(trio.socket.from_stdlib_socket(sock))], 0
    else:
        listeners, port = await _listen(bind)
    try:
        yield listeners, port
    finally:
        for listener in listeners:
            listener.socket.close()
        if bind.path is not None:
            with suppress(OSError):
                bind.path.unlink()


def _listen_unix(path: Path, mode: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        _remove_stale(path)
        listener.bind(str(path))
        # Nobody can connect before it listens, so there is no moment with the wrong mode.
        path.chmod(mode)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _listen_error(Bind("", 0, path), error) from None
    return listener


def _remove_stale(path: Path) -> None:
    """Remove a socket at which no program listens any more."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            except BlockingIOError:
                return  # a program listens, but is too busy to accept the connection


async def _listen(bind: Bind) -> tuple[list[trio.SocketListener], int]:
    hosts = [LOOPBACK, _LOOPBACK_6] if bind.host in {LOOPBACK, "localhost"} else [bind.host]
    for _ in range(_TRIES):
        try:
            return await _listen_all(hosts, bind.port)
        except OSError as error:
            if bind.port or error.errno != errno.EADDRINUSE:
                raise _listen_error(bind, error) from None
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


def _listen_error(bind: Bind, error: OSError) -> AtollError:
    if error.errno == errno.EADDRINUSE:
        hint = "choose another path" if bind.path else "port 0 is any that is free"
        return AtollError(f"{bind.name} is in use already", hint=hint)
    if isinstance(error, socket.gaierror):
        return AtollError(f"can't listen at {bind.name}: no address is known for {bind.host}")
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return AtollError(f"can't listen at {bind.name}: {reason}")
