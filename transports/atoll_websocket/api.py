"""For transports of other schemes: channels over the streams of a dialer."""

from atoll import Profile
from atoll.transport import ChannelTransport, Dialer
from atoll_rest.api import require_destination

__all__ = ["connect"]


def connect(profile: Profile, dialer: Dialer | None = None) -> ChannelTransport:
    """Return channels by websockets over the streams of a dialer, by default over TCP.

    An endpoint of another scheme than HTTP is addressed as by :func:`atoll_rest.api.connect`.
    """
    require_destination(profile, dialer)
    from atoll_websocket.transport import WebsocketTransport

    return WebsocketTransport(profile, dialer)
