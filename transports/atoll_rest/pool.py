"""The connections of one profile, as an httpx transport: direct, through a dialer, or a proxy.

httpx's own transport has no place for a dialer, and loads certificate authorities even for HTTP.
"""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, cast

import httpcore
import httpx

from atoll.profiles import Profile
from atoll.transport import Dialer
from atoll_rest.address import Address, address
from atoll_rest.network import Network
from atoll_rest.proxies import proxy_for
from atoll_rest.tls import tls_context

_LIMITS: dict[str, Any] = {
    "max_connections": 64,
    "max_keepalive_connections": 16,
    "keepalive_expiry": 20.0,
}


class Pool(httpx.AsyncBaseTransport):
    """Keeps connections open between requests."""

    def __init__(self, profile: Profile, dialer: Dialer | None) -> None:
        target = address(profile)
        proxy = None if dialer else proxy_for(target)
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
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(cast("AsyncIterable[bytes]", answer.stream)),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await cast("Any", self._stream).aclose()


def _direct(
    profile: Profile, target: Address, dialer: Dialer | None
) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=tls_context(profile) if target.secure else None,
        network_backend=Network(profile, dialer),
        **_LIMITS,
    )


def _proxied(profile: Profile, target: Address, proxy: str) -> httpcore.AsyncConnectionPool:
    url = httpx.URL(proxy)
    auth = (url.username, url.password) if url.username else None
    name = f"the proxy {url.scheme}://{url.netloc.decode()}"
    common: dict[str, Any] = {
        "proxy_url": _url(url),
        "proxy_auth": auth,
        "ssl_context": tls_context(profile) if target.secure else None,
        "network_backend": Network(profile, proxy=name),
        **_LIMITS,
    }
    if url.scheme.startswith("socks5"):
        return httpcore.AsyncSOCKSProxy(**common)
    secure = tls_context(profile) if url.scheme == "https" else None
    return httpcore.AsyncHTTPProxy(proxy_ssl_context=secure, **common)


def _url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
