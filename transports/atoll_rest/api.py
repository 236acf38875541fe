"""What other transports to the same endpoint may use: who sends, addresses, TLS, streams.

Nothing here imports an HTTP library.
"""

from atoll import __version__
from atoll_rest.address import Address, address
from atoll_rest.credentials import Credentials, credentials, signed_headers
from atoll_rest.proxies import Proxy, proxy_for
from atoll_rest.socks import SocksDialer
from atoll_rest.tcp import CONNECT_TIMEOUT, open_stream
from atoll_rest.tls import find_tls_error, tls_context, tls_failure

USER_AGENT = f"atoll/{__version__}"


__all__ = [
    "CONNECT_TIMEOUT",
    "USER_AGENT",
    "Address",
    "Credentials",
    "Proxy",
    "SocksDialer",
    "address",
    "credentials",
    "find_tls_error",
    "open_stream",
    "proxy_for",
    "signed_headers",
    "tls_context",
    "tls_failure",
]
