"""Filtering header fields of requests to the cluster and of responses from it."""

import re
from collections.abc import AsyncIterable, Iterator, Mapping
from urllib.parse import parse_qsl

import h11

from atoll.transport import Request

_VERSION = re.compile(r"/v\d+(?=/)")
_OWN_FIELDS = {
    "host",
    "x-atoll-client-host",
    "x-forwarded-host",
    "authorization",
    "cookie",
    "date",
    "content-type",
    "accept-encoding",
    "expect",
    "origin",
}
"""Fields that the proxy sets itself or drops. Cookies are dropped, since they belong to other
servers of this host.
"""
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


def forwarded_request(request: h11.Request, body: AsyncIterable[bytes] | None) -> Request:
    """Return the request to send to the cluster; a leading `/v4` is removed from its path."""
    fields = dict(_fields(request))
    path, _, query = request.target.decode("ascii").partition("?")
    has_body = "transfer-encoding" in fields or fields.get("content-length", "0") != "0"
    return Request(
        method=request.method.decode("ascii"),
        path=_VERSION.sub("", path, count=1) if _VERSION.match(path) else path,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        body=body if has_body else None,
        content_type=fields.get("content-type", ""),
        headers={**_headers(fields), "Accept-Encoding": "identity"},
        version=fields.get("x-backendai-version", ""),
    )


def websocket_headers(request: h11.Request) -> dict[str, str]:
    """Return the header fields of a websocket handshake to send to the cluster."""
    kept = {k: v for k, v in _fields(request) if k.startswith("sec-websocket-")}
    return {"Connection": "Upgrade", "Upgrade": "websocket", **kept}


def response_headers(headers: Mapping[str, str], origin: str) -> list[tuple[str, str]]:
    """Return the header fields of a response; pages of `origin`, if any, may read it."""
    kept = [
        (name, value)
        for name, value in headers.items()
        # The proxy, not the cluster, decides which pages may read responses here.
        if name not in {*_HOP_BY_HOP, "set-cookie"} and not name.startswith("access-control-")
    ]
    if origin:
        kept += [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Headers", "*"),
            ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, HEAD"),
            ("Vary", "Origin"),
        ]
    return kept


def _fields(request: h11.Request) -> Iterator[tuple[str, str]]:
    for name, value in request.headers:
        yield name.decode("ascii"), value.decode("latin-1")


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    dropped = _OWN_FIELDS | _HOP_BY_HOP | {"x-backendai-version"}
    return {name: value for name, value in fields.items() if name not in dropped}
