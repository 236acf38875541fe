"""What transports of other schemes may use: channels over the streams that a dialer opens."""

from atoll import Profile
from atoll.transport import ChannelTransport, Dialer
from atoll_rest.api import require_way

__all__ = ["connect"]


def connect(profile: Profile, dialer: Dialer | None = None) -> ChannelTransport:
    """Return channels by websockets over the streams that a dialer opens, else over TCP.

    An endpoint of another scheme than HTTP is spoken to as by :func:`atoll_rest.api.connect`.
    """
    require_way(profile, dialer)
    from atoll_websocket.transport import WebsocketTransport

    return WebsocketTransport(profile, dialer)
