"""HTTP and websockets over streams to a unix socket."""

import os
from urllib.parse import unquote, urlsplit

import trio
from attrs import frozen

import atoll_rest.api
import atoll_websocket.api
from atoll import ConfigError, Profile
from atoll.transport import ChannelTransport, Dialer, NotSent, RequestTransport


def requests(profile: Profile, dialer: Dialer | None) -> RequestTransport:
    """Return the requests of a profile."""
    return atoll_rest.api.connect(profile, _socket_of(profile, dialer))


def channels(profile: Profile, dialer: Dialer | None) -> ChannelTransport:
    """Return the channels of a profile."""
    return atoll_websocket.api.connect(profile, _socket_of(profile, dialer))


def _socket_of(profile: Profile, dialer: Dialer | None) -> "SocketDialer":
    parts = urlsplit(profile.endpoint)
    if dialer is not None:
        raise ConfigError(
            f"{profile.endpoint} is on this machine", hint="leave `via` out of the profile"
        )
    if parts.netloc or not parts.path:
        raise ConfigError(f"{profile.endpoint} names no socket", hint="such as unix:///run/x.sock")
    return SocketDialer(profile.endpoint, unquote(parts.path))


@frozen
class SocketDialer:
    """Opens streams to one socket, whichever host is asked for."""

    endpoint: str
    path: str

    async def dial(self, host: str, port: int) -> trio.SocketStream:
        """Open a stream; raises NotSent."""
        del host, port  # what HTTP calls the cluster: localhost, at port 80
        try:
            return await trio.open_unix_socket(self.path)
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise NotSent(f"can't connect to {self.endpoint}: {reason}") from None

    async def aclose(self) -> None:
        """Do nothing: each stream is its own."""
