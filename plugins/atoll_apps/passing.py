"""What of a request and of its answer passes the proxy, and under which names."""

import re
from collections.abc import AsyncIterable, Iterator, Mapping
from urllib.parse import parse_qsl

import h11

from atoll.transport import Request

_VERSION = re.compile(r"/v\d+(?=/)")
_OURS = {
    "host",
    "authorization",
    "cookie",
    "date",
    "content-type",
    "accept-encoding",
    "expect",
    "origin",
}
"""Header fields that are the proxy's own business: cookies here are those of other programs."""
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


def passed_on(request: h11.Request, body: AsyncIterable[bytes] | None) -> Request:
    """Return a client's request as it is sent on; a leading `/v4` of its path is dropped."""
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


def handshake_headers(request: h11.Request) -> dict[str, str]:
    """Return the header fields of a websocket's handshake that pass on."""
    passed = {k: v for k, v in _fields(request) if k.startswith("sec-websocket-")}
    return {"Connection": "Upgrade", "Upgrade": "websocket", **passed}


def passed_back(headers: Mapping[str, str], origin: str) -> list[tuple[str, str]]:
    """Return the header fields of an answer; pages of `origin`, if any, may read it."""
    kept = [
        (name, value)
        for name, value in headers.items()
        # Which pages may read what the cluster says here, is not the cluster's to tell.
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
    dropped = _OURS | _HOP_BY_HOP | {"x-backendai-version"}
    return {name: value for name, value in fields.items() if name not in dropped}
