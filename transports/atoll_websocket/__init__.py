"""Channels over websockets; this light module only offers :mod:`atoll_websocket.transport`."""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Offer channels, by the scheme of the endpoint as well as by that of websockets."""
    yield Transport(
        "channel", ("ws", "wss", "http", "https"), load="atoll_websocket.transport:connect"
    )
