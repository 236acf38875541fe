"""For transports to endpoints with other schemes: channels over the streams of a dialer."""

from atoll import Profile
from atoll.transport import ChannelTransport, Dialer
from atoll_rest.api import require_destination

__all__ = ["connect"]


def connect(profile: Profile, dialer: Dialer | None = None) -> ChannelTransport:
    """Return a transport that opens websockets over the streams of a dialer, by default over TCP.

    An endpoint with another scheme than HTTP gets the address that :func:`atoll_rest.api.connect`
    uses.
    """
    require_destination(profile, dialer)
    from atoll_websocket.transport import WebsocketTransport

    return WebsocketTransport(profile, dialer)
