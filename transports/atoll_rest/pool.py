"""The connections of one profile, as an httpx transport: direct, through a dialer, or a proxy.

httpx's own transport can't use a dialer, and loads certificate authorities even for HTTP.
"""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from typing import Any, cast

import httpcore
import httpx

from atoll import Profile
from atoll.transport import Dialer
from atoll_rest.address import Address, address
from atoll_rest.network import Network, NetworkStream
from atoll_rest.proxies import Proxy, proxy_for
from atoll_rest.socks import SocksDialer
from atoll_rest.tls import tls_context

_LIMITS: dict[str, Any] = {
    "max_connections": 64,
    "max_keepalive_connections": 16,
    "keepalive_expiry": 20.0,
}
_BYPASS_PARSER_FROM = 16 * 1024 * 1024
"""If at least this many bytes of a body are left, they are read past the parser, although the
connection can't be used again.
"""


class Pool(httpx.AsyncBaseTransport):
    """Keeps connections open between requests."""

    def __init__(self, profile: Profile, dialer: Dialer | None) -> None:
        target = address(profile)
        proxy = None if dialer else proxy_for(target)
        if proxy and proxy.is_socks:
            dialer, proxy = SocksDialer(proxy), None
        self._pool = _proxied(profile, target, proxy) if proxy else _direct(profile, target, dialer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises what httpcore raises."""
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=_url(request.url),
                headers=request.headers.raw,
                content=cast("AsyncIterable[bytes]", request.stream),
                extensions=request.extensions,
            )
        )
        patience = request.extensions.get("timeout", {}).get("read")
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer, patience),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of an answer. If a large part of it is left, that part is read directly from the
    connection.

    The parser would copy each byte three times. Since the parser does not see the end of such a
    body, the connection can't be used again, and is closed.
    """

    def __init__(self, answer: httpcore.Response, patience: float | None) -> None:
        self._stream = cast("AsyncIterable[bytes]", answer.stream)
        self._wire = cast("NetworkStream", answer.extensions["network_stream"])
        self._length = _known_length(answer)
        self._patience = patience

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._length
        parsed = aiter(self._stream)
        async for chunk in parsed:
            yield chunk
            left -= len(chunk)
            if left > _BYPASS_PARSER_FROM:
                break
        else:
            return
        try:
            while left:
                chunk = (await self._wire.read(left, self._patience))[:left]
                if not chunk:
                    raise httpcore.RemoteProtocolError("the connection was closed too early")
                yield chunk
                left -= len(chunk)
        finally:
            # The parser's iterator would wait for the bytes that were read here, and would never
            # end if it were not closed.
            self._wire.end()
            with suppress(httpcore.RemoteProtocolError):
                await anext(parsed)

    async def aclose(self) -> None:
        await cast("Any", self._stream).aclose()


def _known_length(answer: httpcore.Response) -> int:
    """Return the length of an answer's body; 0 if only the parser can find its end."""
    headers = httpx.Headers(answer.headers)
    plain = answer.extensions["http_version"] == b"HTTP/1.1" and "transfer-encoding" not in headers
    return int(headers.get("content-length", 0)) if plain else 0


def _direct(
    profile: Profile, target: Address, dialer: Dialer | None
) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=tls_context(profile) if target.secure else None,
        network_backend=Network(profile, dialer),
        **_LIMITS,
    )


def _proxied(profile: Profile, target: Address, proxy: Proxy) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncHTTPProxy(
        proxy_url=proxy.url,
        proxy_auth=(proxy.user, proxy.password) if proxy.user else None,
        proxy_ssl_context=tls_context(profile) if proxy.scheme == "https" else None,
        ssl_context=tls_context(profile) if target.secure else None,
        network_backend=Network(profile, proxy=str(proxy)),
        **_LIMITS,
    )


def _url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
