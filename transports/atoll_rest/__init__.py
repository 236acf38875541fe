"""Signed HTTP requests; this small module only registers :mod:`atoll_rest.transport`."""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Register the transport for HTTP and HTTPS."""
    yield Transport("request", ("http", "https"), load="atoll_rest.transport:connect")
