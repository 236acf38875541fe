"""What other transports to the same endpoint may use: signing, addresses, TLS, streams.

Nothing here imports an HTTP library.
"""

from datetime import UTC, datetime

from atoll import AtollError, ConfigError, Profile, __version__
from atoll_rest.address import Address, address
from atoll_rest.proxies import Proxy, proxy_for
from atoll_rest.signing import Signable, authorization
from atoll_rest.socks import SocksDialer
from atoll_rest.tcp import CONNECT_TIMEOUT, open_stream
from atoll_rest.tls import find_tls_error, tls_context, tls_failure

USER_AGENT = f"atoll/{__version__}"


def require_keypairs(profile: Profile) -> None:
    """Raise AtollError for a profile that does not sign its requests with a keypair."""
    if profile.endpoint_type != "api":
        raise AtollError(
            f"profile {profile.name} logs in to a web server by session, which atoll can't do yet",
            hint="use the API endpoint of the cluster with a keypair",
        )


def signed_headers(
    profile: Profile,
    *,
    method: str,
    target: str,
    content_type: str,
    version: str,
    date: datetime | None = None,
) -> dict[str, str]:
    """Return the headers that identify the user: `Date`, `X-BackendAI-Version` and `Authorization`.

    `content_type` is what the request will carry, empty for none at all, as on streams. A profile
    without an access key is anonymous: its requests are not signed. Raises ConfigError for a key
    that no header can hold.
    """
    now = date or datetime.now(UTC)
    headers = {"Date": now.isoformat(), "X-BackendAI-Version": version}
    if profile.access_key:
        _check_access_key(profile)
        signable = Signable(
            method=method,
            host=address(profile).netloc,
            target=target,
            content_type=content_type,
            version=version,
            date=now,
        )
        headers["Authorization"] = authorization(profile.access_key, profile.secret_key, signable)
    return headers


def _check_access_key(profile: Profile) -> None:
    if not profile.access_key.isascii() or not profile.access_key.isprintable():
        raise ConfigError(
            f"the access key of profile {profile.name} holds characters that no key has",
            hint="copy it again, without quotes and line ends",
        )


__all__ = [
    "CONNECT_TIMEOUT",
    "USER_AGENT",
    "Address",
    "Proxy",
    "SocksDialer",
    "address",
    "find_tls_error",
    "open_stream",
    "proxy_for",
    "require_keypairs",
    "signed_headers",
    "tls_context",
    "tls_failure",
]
