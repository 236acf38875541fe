"""Where a profile's requests go, in the exact spelling that is both signed and sent."""

from collections.abc import Sequence
from urllib.parse import SplitResult, quote, urlsplit

from attrs import frozen

from atoll import AtollError, Profile
from atoll.urls import query_text

_LEFT_AS_IT_IS = bytes(range(0x21, 0x7F))
"""What a target is made of; all else has to be encoded."""


@frozen(kw_only=True)
class Address:
    """An endpoint, taken apart.

    `host` is what name lookup and TLS want, `netloc` what the `Host` header says, `prefix` the
    path below which the server lives, without a slash at its end, and `api` where below that the
    API does: at a web server all but its own `/server/…` is below `/func`.
    """

    secure: bool
    host: str
    port: int
    netloc: str
    prefix: str
    api: str = ""

    @property
    def origin(self) -> str:
        """What URLs of this server begin with."""
        return f"{'https' if self.secure else 'http'}://{self.netloc}"

    def target(self, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
        """Return the request target of a percent-encoded path.

        Raises AtollError for one that does not begin with `/`: it would go on with the host's name.
        """
        if not path.startswith("/"):
            raise AtollError(f"{path!r} is no path of the cluster's API")
        below = "" if self.api and path.startswith("/server/") else self.api
        target = quote(f"{self.prefix}{below}{path}", safe=_LEFT_AS_IT_IS)
        return f"{target}?{query_text(query)}" if query else target


def address(profile: Profile) -> Address:
    """Take a profile's endpoint apart.

    One of another scheme than HTTP names no host: it is spoken to as `localhost`, which is signed,
    too, and the dialer that its transport brings knows the way.
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
