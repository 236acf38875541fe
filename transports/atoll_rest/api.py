"""For transports to endpoints with other schemes: credentials, addresses, TLS, and streams.

No module imported here imports an HTTP library.
"""

from atoll import Profile
from atoll.transport import Dialer, RequestTransport
from atoll_rest.address import Address, address
from atoll_rest.credentials import USER_AGENT, Credentials, credentials, signed_headers
from atoll_rest.proxies import Proxy, proxy_for
from atoll_rest.socks import SocksDialer
from atoll_rest.tcp import CONNECT_TIMEOUT, open_stream
from atoll_rest.tls import find_tls_error, tls_context, tls_failure


def require_destination(profile: Profile, dialer: Dialer | None) -> None:
    """Raise ValueError if neither the endpoint nor a dialer defines where to connect to."""
    if dialer is None and not profile.endpoint.startswith(("http:", "https:")):
        raise ValueError(f"{profile.endpoint} cannot be reached without a dialer")


def connect(profile: Profile, dialer: Dialer | None = None) -> RequestTransport:
    """Return a transport that sends HTTP requests over the streams of a dialer, by default over
    TCP.

    It is for transports of other schemes, which have a dialer of their own. Requests to their
    endpoints use HTTP without TLS, with the host `localhost`, also in signatures. The dialer is
    called with that host and port 80, and is closed with the transport. No connection is made
    before the first request.
    """
    require_destination(profile, dialer)
    from atoll_rest.transport import RestTransport

    return RestTransport(profile, dialer)


__all__ = [
    "CONNECT_TIMEOUT",
    "USER_AGENT",
    "Address",
    "Credentials",
    "Proxy",
    "SocksDialer",
    "address",
    "connect",
    "credentials",
    "find_tls_error",
    "open_stream",
    "proxy_for",
    "require_destination",
    "signed_headers",
    "tls_context",
    "tls_failure",
]
