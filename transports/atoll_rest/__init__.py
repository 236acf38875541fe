"""Signed HTTP requests; this light module only offers :mod:`atoll_rest.transport`."""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Offer requests over HTTP and HTTPS."""
    yield Transport("request", ("http", "https"), load="atoll_rest.transport:connect")
