"""Clusters behind a unix socket: `atoll profile add box --endpoint unix:///run/backend.sock`."""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Offer requests and channels to endpoints whose scheme is `unix`."""
    yield Transport("request", ("unix",), "atoll_unix_socket.transport:requests")
    yield Transport("channel", ("unix",), "atoll_unix_socket.transport:channels")
