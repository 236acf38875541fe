"""Channels over websockets; this small module only registers :mod:`atoll_websocket.transport`."""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Register channels, both for the schemes of HTTP endpoints and for those of websockets."""
    yield Transport(
        "channel", ("ws", "wss", "http", "https"), load="atoll_websocket.transport:connect"
    )
