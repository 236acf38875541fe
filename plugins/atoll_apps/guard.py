"""Which requests get through to what is served here: programs' and its own pages', no others'.

A browser lets any page send requests to any address, and a name that somebody has in hand may point
to this machine, for a page to be of the same site as what answers here (DNS rebinding). So what a
request says of where it comes from and where it means to go is looked at.
"""

import re
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit

import h11
from attrs import field, frozen

from atoll import UsageError
from atoll.urls import is_loopback
from atoll_apps.http_messages import Malformed

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_ORIGIN = re.compile(rf"([A-Za-z][A-Za-z0-9+.-]*)://({_AUTHORITY.pattern})")
_PORTS = {"http": 80, "https": 443}
_PARAMETER = "token"


@frozen
class Answer:
    """What is answered in the place of the service."""

    status: int
    text: str
    headers: Sequence[tuple[str, str]] = ()

    def spelled(self) -> bytes:
        """Spell it out, as the last word on a connection."""
        body = f"{self.text}\n".encode()
        fields = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
            *self.headers,
        ]
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@frozen
class Rules:
    """What is asked of requests.

    `hosts` are names of this machine besides those of loopback, `origins` those of pages that may
    use this besides its own. With `links`, pages of others may link here. A `token` has to be shown
    once, and then the cookie named `cookie`.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    links: bool = False
    token: str = field(default="", repr=False)
    cookie: str = "atoll"

    def refusal(self, request: h11.Request, here: str) -> Answer | None:
        """Return the answer to a request that does not get through, None for one that does.

        `here` is the address at which it came. Raises Malformed.
        """
        host = _only(request, b"host") or ""
        origin = _only(request, b"origin")
        if not self._names_us(host, here):
            # Not repeated: the name was chosen by whoever sent it.
            return Answer(403, "The host of this request is not this machine (--allow-host).")
        if origin is not None and not self.allows(origin, host):
            return Answer(403, "Pages of other sites may not use this (--allow-origin).")
        if origin is None and self._comes_from_elsewhere(request):
            return Answer(403, "Pages of other sites may not use this.")
        return self._challenge(request) if self.token else None

    def allows(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may use what it asked for as `host`."""
        return normal_origin(origin) in self.origins or _is_origin_of(origin, host)

    def with_token(self, url: str) -> str:
        """Return the address that shows the token, if one is asked for."""
        parts = urlsplit(url)
        if not self.token or parts.scheme not in _PORTS:
            return url
        query = "&".join(filter(None, [parts.query, f"{_PARAMETER}={self.token}"]))
        return parts._replace(path=parts.path or "/", query=query).geturl()

    def _names_us(self, host: str, here: str) -> bool:
        match = _AUTHORITY.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]").lower().rstrip(".")
        return is_loopback(name) or name in self.hosts or name == here

    def _comes_from_elsewhere(self, request: h11.Request) -> bool:
        """Whether a page made a browser ask, without saying which one."""
        site = _only(request, b"sec-fetch-site") or "none"
        if site in {"none", "same-origin"}:
            return False
        if not self.links:
            return True
        return site == "cross-site" and _only(request, b"sec-fetch-mode") != "navigate"

    def _challenge(self, request: h11.Request) -> Answer | None:
        path, _, query = request.target.decode("ascii").partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        others = [pair for pair in pairs if pair[0] != _PARAMETER or not self._is_token(pair[1])]
        if len(others) < len(pairs):
            # Two slashes, of either kind, would begin the name of another host.
            target = "/" + path.lstrip("/\\") + (f"?{urlencode(others)}" if others else "")
            cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Lax"
            return Answer(303, "Welcome.", [("Location", target), ("Set-Cookie", cookie)])
        if any(self._is_token(value) for value in _cookies(request, self.cookie)):
            return None
        return Answer(401, "This wants its token: open the address that atoll app has shown.")

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self.token.encode())


def read_origin(text: str) -> str:
    """Read an origin that a user names, `SCHEME://HOST[:PORT]`; raises UsageError."""
    origin = normal_origin(text.rstrip("/"))
    if not origin:
        raise UsageError(f"{text!r} is no origin", hint="such as https://pages.example.com")
    return origin


def read_host(text: str) -> str:
    """Read a name of this machine that a user gives; raises UsageError."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or match[2]:
        raise UsageError(f"{text!r} is no host name", hint="such as lab.example.com")
    return match[1].strip("[]").lower().rstrip(".")


def normal_origin(text: str) -> str:
    """Return an origin in its one spelling, empty if it is none."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return ""
    scheme, port = match[1].lower(), match[4]
    usual = port and int(port) == _PORTS.get(scheme)
    return f"{scheme}://{match[3].lower()}" + (f":{int(port)}" if port and not usual else "")


def _is_origin_of(origin: str, host: str) -> bool:
    """Whether this is the origin of what was asked for as `host`, behind TLS or not."""
    scheme = origin.partition("://")[0].lower()
    own = normal_origin(f"{scheme}://{host}")
    return scheme in _PORTS and bool(own) and normal_origin(origin) == own


def _only(request: h11.Request, name: bytes) -> str | None:
    """Return the value of a field, None if it is not there; raises Malformed for several."""
    values = [value for found, value in request.headers if found == name]
    if len(values) > 1:
        raise Malformed(f"There are several fields {name.decode()}.")
    return values[0].decode("latin-1") if values else None


def _cookies(request: h11.Request, name: str) -> list[str]:
    found = []
    for field_name, value in request.headers:
        if field_name == b"cookie":
            pairs = (pair.partition("=") for pair in value.decode("latin-1").split(";"))
            found += [content for key, _, content in pairs if key.strip() == name]
    return found
