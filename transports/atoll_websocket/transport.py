"""Channels of messages over websockets, with `websockets.trio`. No type or error of websockets is
visible outside.
"""

import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from urllib.parse import quote

import trio
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidHandshake,
    InvalidStatus,
    ProxyError,
)
from websockets.http11 import Response
from websockets.trio.client import ClientConnection
from websockets.trio.client import connect as open_websocket

from atoll import Problem, Profile, Unreachable
from atoll.problems import problem_from, redirected
from atoll.reading import Malformed
from atoll.transport import ChannelClosed, ConnectionLost, Dialer, NotSent
from atoll_rest.api import (
    USER_AGENT,
    Proxy,
    SocksDialer,
    address,
    credentials,
    find_tls_error,
    open_stream,
    proxy_for,
    tls_context,
    tls_failure,
)
from atoll_websocket.bytestream import WebsocketStream, running
from atoll_websocket.handshake import open_handshake

# Failures of a connection are raised where it is used, so the library shall not log them as well.
_log = logging.getLogger("atoll.websocket")
_log.addHandler(logging.NullHandler())

_HANDSHAKE_TIMEOUT = 30.0
_PING_INTERVAL = 30.0
_CLOSE_TIMEOUT = 2.0
_LARGEST_MESSAGE = 32 * 2**20
_TOO_BIG = 1009


def connect(profile: Profile, dialer: Dialer | None = None) -> "WebsocketTransport":
    """Return the transport of a profile; no connection is made before the first channel."""
    return WebsocketTransport(profile, dialer)


class WebsocketTransport:
    """Opens websockets to one profile's endpoint, each over its own connection."""

    def __init__(self, profile: Profile, dialer: Dialer | None) -> None:
        self._profile = profile
        self._dialer = dialer
        self._address = address(profile)
        self._credentials = credentials(profile)
        self._proxy = None if dialer else proxy_for(self._address)
        if self._proxy and self._proxy.is_socks:
            self._dialer, self._proxy = SocksDialer(self._proxy), None

    @asynccontextmanager
    async def open(
        self, path: str, query: Sequence[tuple[str, str]] = (), *, version: str = ""
    ) -> AsyncIterator["WebsocketChannel"]:
        """Open a channel; see :class:`atoll.transport.ChannelTransport`."""
        async with AsyncExitStack() as stack:
            opening = await self._opening(self._address.target(path, query), version)
            with _explained(self._profile.endpoint):
                connection = await stack.enter_async_context(opening)
            yield WebsocketChannel(connection, self._profile.endpoint)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Sequence[tuple[str, str]] = (), *, version: str = ""
    ) -> AsyncIterator[WebsocketStream]:
        """Open a stream of bytes; see :class:`atoll.transport.ChannelTransport`."""
        opening = await self._opening(self._address.target(path, query), version)
        with _explained(self._profile.endpoint):
            stream = await opening.open_bytes()
        async with running(stream):
            yield stream

    @asynccontextmanager
    async def upgrade(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        version: str,
        headers: Mapping[str, str],
    ) -> AsyncIterator[trio.abc.Stream]:
        """Open a connection for another client's handshake; see
        :class:`atoll.transport.ChannelTransport`.
        """
        target = self._address.target(path, query)
        opening = await self._opening(target, version)
        with _explained(self._profile.endpoint):
            stream = await opening.open_stream()
        async with stream:
            identified = await self._identified(target, version)
            fields = {"Host": self._address.netloc, **headers, **identified}
            lines = [f"GET {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
            await stream.send_all("\r\n".join(lines).encode("latin-1"))
            yield stream

    async def aclose(self) -> None:
        """Close all connections."""
        if self._dialer is not None:
            await self._dialer.aclose()

    async def _opening(self, target: str, version: str) -> "_Opening":
        secure, netloc = self._address.secure, self._address.netloc
        return _Opening(
            f"{'wss' if secure else 'ws'}://{netloc}{target}",
            stream=None if self._proxy else await self._stream(),
            proxy=_spelled(self._proxy) if self._proxy else None,
            proxy_ssl=self._proxy_tls(),
            ssl=tls_context(self._profile) if secure else None,
            additional_headers=await self._identified(target, version),
            user_agent_header=USER_AGENT,
            # Messages here are small or encrypted, so compressing them costs more than it saves.
            compression=None,
            open_timeout=_HANDSHAKE_TIMEOUT,
            ping_interval=_PING_INTERVAL,
            # A manager that waits for output of code does not read, and so answers no pings:
            # missing pongs don't mean a dead connection. TCP detects one.
            ping_timeout=None,
            logger=_log,
            close_timeout=_CLOSE_TIMEOUT,
            max_size=_LARGEST_MESSAGE,
        )

    async def _identified(self, target: str, version: str) -> dict[str, str]:
        return await self._credentials.headers(
            method="GET", target=target, content_type="", version=version
        )

    def _proxy_tls(self) -> ssl.SSLContext | None:
        is_secure = self._proxy is not None and self._proxy.scheme == "https"
        return tls_context(self._profile) if is_secure else None

    async def _stream(self) -> trio.abc.HalfCloseableStream:
        return await open_stream(
            self._address.host,
            self._address.port,
            name=self._profile.endpoint,
            dialer=self._dialer,
        )


def _spelled(proxy: Proxy) -> str:
    """Return a proxy's URL in the form that websockets needs."""
    if not proxy.user:
        return proxy.url
    scheme, _, host = proxy.url.partition("://")
    return f"{scheme}://{quote(proxy.user, safe='')}:{quote(proxy.password, safe='')}@{host}"


class _Opening(open_websocket):
    """A handshake that follows no redirect, since that would send the signature to another
    server.
    """

    def process_redirect(self, exc: Exception) -> Exception:
        return exc

    async def open_stream(self) -> trio.abc.Stream:
        """Only open the connection, for our own handshake."""
        with trio.fail_after(_HANDSHAKE_TIMEOUT):
            stream = self.stream or await self.open_tcp_stream()
            async with _closed_on_failure(stream):
                return await self.enable_tls(stream) if self.ws_uri.secure else stream

    async def open_bytes(self) -> WebsocketStream:
        """Open the websocket as a stream of bytes, from which the library itself does not read."""
        agent, headers = self.user_agent_header or "", self.additional_headers or {}
        stream = await self.open_stream()
        with trio.fail_after(_HANDSHAKE_TIMEOUT):
            async with _closed_on_failure(stream):
                return WebsocketStream(
                    stream, await open_handshake(stream, self.uri, headers, agent)
                )


@asynccontextmanager
async def _closed_on_failure(stream: trio.abc.Stream) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise


class WebsocketChannel:
    """One open websocket."""

    def __init__(self, connection: ClientConnection, endpoint: str) -> None:
        self._connection = connection
        self._endpoint = endpoint

    async def send(self, message: str | bytes) -> None:
        """Send a text or a binary message; raises ChannelClosed."""
        with _closing():
            await self._connection.send(message)

    async def receive(self) -> str | bytes:
        """Return the next message; raises ChannelClosed at the end, and Malformed if a message is
        too long.
        """
        try:
            with _closing():
                return await self._connection.recv()
        except ChannelClosed as closed:
            if not _was_too_big(closed.__context__):
                raise
        size = _LARGEST_MESSAGE // 2**20
        raise Malformed(self._endpoint, f"with a message of more than {size} MiB")

    async def aclose(self) -> None:
        """Close the channel in order; it may be closed twice."""
        await self._connection.aclose()


def _was_too_big(error: BaseException | None) -> bool:
    """Tell whether the channel was closed here because a message was too long."""
    sent = error.sent if isinstance(error, ConnectionClosed) and not error.rcvd_then_sent else None
    return sent is not None and sent.code == _TOO_BIG


@contextmanager
def _closing() -> Iterator[None]:
    try:
        yield
    except ConnectionClosed as error:
        frame = error.rcvd or error.sent
        raise ChannelClosed(
            error.rcvd.code if error.rcvd else None,
            (frame.reason if frame else "") or ("" if error.rcvd else "the connection was lost"),
            clean=isinstance(error, ConnectionClosedOK),
        ) from None


@contextmanager
def _explained(endpoint: str) -> Iterator[None]:
    """Replace errors of opening a channel by our own."""
    try:
        yield
    except InvalidStatus as error:
        raise _refusal(endpoint, error.response) from None
    except ProxyError:
        raise Unreachable(
            f"the proxy refused the connection to {endpoint}", hint="see HTTPS_PROXY and NO_PROXY"
        ) from None
    except InvalidHandshake:
        raise Unreachable(f"{endpoint} broke off the websocket handshake") from None
    except (TimeoutError, trio.TooSlowError):
        raise Unreachable(f"{endpoint} does not answer the websocket handshake") from None
    except trio.BrokenResourceError as error:
        cause = find_tls_error(error)
        if cause is not None:
            raise tls_failure(cause, endpoint) from None
        raise ConnectionLost(f"connection to {endpoint} was lost") from None
    except OSError:
        # websockets itself opens only connections to proxies.
        raise NotSent(f"can't connect to the proxy on the way to {endpoint}") from None


def _refusal(endpoint: str, response: Response) -> Problem:
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    if 300 <= response.status_code < 400:
        return redirected(endpoint, response.status_code, headers)
    content_type = headers.get("content-type", "")
    return problem_from(response.status_code, bytes(response.body), content_type, headers)
