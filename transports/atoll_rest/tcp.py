"""Opens a byte stream to a server, over TCP or by a dialer."""

import errno
import os
import socket

import trio

from atoll.transport import Dialer, NotSent

CONNECT_TIMEOUT = 10.0


async def open_stream(
    host: str, port: int, *, name: str, dialer: Dialer | None, patience: float = CONNECT_TIMEOUT
) -> trio.abc.HalfCloseableStream:
    """Connect to `host:port` within `patience` seconds.

    `name` is the name of the server in errors. Raises NotSent, or the dialer's error, which is more
    precise. A dialer has its own time limit, since it may have to ask the user.
    """
    if dialer is not None:
        return await dialer.dial(host, port)
    try:
        with trio.fail_after(patience):
            return await trio.open_tcp_stream(host, port)
    except trio.TooSlowError:
        raise NotSent(f"can't connect to {name}: no answer for {patience:g} s") from None
    except socket.gaierror:
        raise NotSent(f"can't connect to {name}: there is no host {host}") from None
    except OSError as error:
        raise NotSent(f"can't connect to {name}: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    # For a host with several addresses, trio raises a group with one error for each.
    if error.errno is None and isinstance(error.__cause__, ExceptionGroup):
        first = error.__cause__.exceptions[0]
        return _reason(first) if isinstance(first, OSError) else str(first)
    if error.errno == errno.ECONNREFUSED:
        return "nothing listens there"
    return os.strerror(error.errno).lower() if error.errno else str(error)
