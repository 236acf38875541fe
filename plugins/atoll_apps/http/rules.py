"""Checks requests: those of programs and of the service's own pages are accepted, those of other
pages are refused.

A browser lets any page send requests to any address. An attacker can even make a host name of
theirs point to this machine, so that the browser takes the attacker's page and our server for the
same site (DNS rebinding). So we check the fields that say where a request comes from (Origin,
Sec-Fetch-Site) and which host it is meant for (Host).
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
from atoll_apps.http.messages import Malformed

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_ORIGIN = re.compile(rf"([A-Za-z][A-Za-z0-9+.-]*)://({_AUTHORITY.pattern})")
_PORTS = {"http": 80, "https": 443}
_PARAMETER = "token"


@frozen
class LocalResponse:
    """A response that we send instead of the service."""

    status: int
    text: str
    headers: Sequence[tuple[str, str]] = ()

    def encode(self) -> bytes:
        """Return its bytes, as the last response of a connection."""
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
class RequestRules:
    """The conditions that a request must fulfil.

    `hosts` are names of this machine besides those of loopback, `origins` are sites whose pages may
    send requests besides our own. With `links`, pages of any site may link here. A `token` must be
    in the first URL, and its cookie, named `cookie`, in every later request.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    links: bool = False
    token: str = field(default="", repr=False)
    cookie: str = "atoll"

    def check(self, request: h11.Request, here: str) -> LocalResponse | None:
        """Return the response that refuses a request, None for one that is accepted.

        `here` is the local address of its connection. Raises Malformed.
        """
        host = _single(request, b"host") or ""
        origin = _single(request, b"origin")
        if not self._is_own_host(host, here):
            # The response does not repeat the name, since the sender has chosen it.
            return LocalResponse(
                403, "The host of this request is not this machine (--allow-host)."
            )
        if origin is not None and not self.allows(origin, host):
            return LocalResponse(403, "Pages of other sites may not use this (--allow-origin).")
        if origin is None and self._is_cross_site(request):
            return LocalResponse(403, "Pages of other sites may not use this.")
        return self._check_token(request) if self.token else None

    def allows(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may send requests to `host`."""
        return normal_origin(origin) in self.origins or _is_origin_of(origin, host)

    def with_token(self, url: str) -> str:
        """Return the URL with the token in it, if there is one."""
        parts = urlsplit(url)
        if not self.token or parts.scheme not in _PORTS:
            return url
        query = "&".join(filter(None, [parts.query, f"{_PARAMETER}={self.token}"]))
        return parts._replace(path=parts.path or "/", query=query).geturl()

    def _is_own_host(self, host: str, here: str) -> bool:
        match = _AUTHORITY.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]").lower().rstrip(".")
        return is_loopback(name) or name in self.hosts or name == here

    def _is_cross_site(self, request: h11.Request) -> bool:
        """Whether a page of another site has sent a request without an Origin field."""
        site = _single(request, b"sec-fetch-site") or "none"
        if site in {"none", "same-origin"}:
            return False
        if not self.links:
            return True
        return site == "cross-site" and _single(request, b"sec-fetch-mode") != "navigate"

    def _check_token(self, request: h11.Request) -> LocalResponse | None:
        path, _, query = request.target.decode("ascii").partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        others = [pair for pair in pairs if pair[0] != _PARAMETER or not self._is_token(pair[1])]
        if len(others) < len(pairs):
            # A URL that begins with two slashes (or backslashes) would redirect to another host.
            target = "/" + path.lstrip("/\\") + (f"?{urlencode(others)}" if others else "")
            cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Lax"
            return LocalResponse(303, "Welcome.", [("Location", target), ("Set-Cookie", cookie)])
        if any(self._is_token(value) for value in _cookies(request, self.cookie)):
            return None
        return LocalResponse(401, "A token is required: open the address that atoll app has shown.")

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self.token.encode())


def read_origin(text: str) -> str:
    """Parse an origin that the user has given, `SCHEME://HOST[:PORT]`; raises UsageError."""
    origin = normal_origin(text.rstrip("/"))
    if not origin:
        raise UsageError(f"{text!r} is not an origin", hint="such as https://pages.example.com")
    return origin


def read_host(text: str) -> str:
    """Parse a host name that the user has given; raises UsageError."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or match[2]:
        raise UsageError(f"{text!r} is not a host name", hint="such as lab.example.com")
    return match[1].strip("[]").lower().rstrip(".")


def normal_origin(text: str) -> str:
    """Return an origin in its normal form, empty if it is invalid."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return ""
    scheme, port = match[1].lower(), match[4]
    usual = port and int(port) == _PORTS.get(scheme)
    return f"{scheme}://{match[3].lower()}" + (f":{int(port)}" if port and not usual else "")


def _is_origin_of(origin: str, host: str) -> bool:
    """Whether `origin` is that of pages from `host`, by HTTP or HTTPS."""
    scheme = origin.partition("://")[0].lower()
    own = normal_origin(f"{scheme}://{host}")
    return scheme in _PORTS and bool(own) and normal_origin(origin) == own


def _single(request: h11.Request, name: bytes) -> str | None:
    """Return the value of a field, None if it is missing; raises Malformed for several."""
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
