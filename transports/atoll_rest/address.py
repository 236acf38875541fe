"""The address of a profile's requests, in the exact spelling that is both signed and sent."""

from collections.abc import Sequence
from urllib.parse import SplitResult, quote, urlsplit

from attrs import frozen

from atoll import AtollError, Profile
from atoll.urls import query_text

_LEFT_AS_IT_IS = bytes(range(0x21, 0x7F))
"""The bytes that may stand in a target; all others must be encoded."""


@frozen(kw_only=True)
class Address:
    """The parts of an endpoint.

    `host` is used for name lookup and TLS, and `netloc` as the `Host` header. `prefix` is the path
    of the server, without a slash at its end. `api` is the path of the API below that; on a web
    server it is `/func`, except for the server's own `/server/…`.
    """

    secure: bool
    host: str
    port: int
    netloc: str
    prefix: str
    api: str = ""

    @property
    def origin(self) -> str:
        """The beginning of this server's URLs."""
        return f"{'https' if self.secure else 'http'}://{self.netloc}"

    def target(self, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
        """Return the request target of a percent-encoded path.

        Raises AtollError for a path that does not begin with `/`, since its text would become part
        of the host's name.
        """
        if not path.startswith("/"):
            raise AtollError(f"{path!r} is not a path of the cluster's API")
        below = "" if self.api and path.startswith("/server/") else self.api
        target = quote(f"{self.prefix}{below}{path}", safe=_LEFT_AS_IT_IS)
        return f"{target}?{query_text(query)}" if query else target


def address(profile: Profile) -> Address:
    """Return the parts of a profile's endpoint.

    An endpoint with another scheme than HTTP contains no host. Its address is `localhost`, also in
    signatures, and the dialer of its transport opens the connection.
    """
    known = profile.endpoint.startswith(("http:", "https:"))
    parts = urlsplit(profile.endpoint if known else "http://localhost")
    secure = parts.scheme == "https"
    host = _ascii_host(parts)
    netloc = f"[{host}]" if ":" in host else host
    return Address(
        secure=secure,
        host=host,
        port=parts.port or (443 if secure else 80),
        netloc=f"{netloc}:{parts.port}" if parts.port else netloc,
        prefix=parts.path.rstrip("/"),
        api="/func" if profile.endpoint_type == "session" else "",
    )


def _ascii_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    return host if host.isascii() else host.encode("idna").decode()
