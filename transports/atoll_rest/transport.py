"""Requests over HTTP and HTTPS, with httpx on trio. No type or error of httpx is visible
outside.
"""

# ruff: noqa: E402  # sys.modules must be changed before the imports that this is for

import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, contextmanager

# httpx tries to import its command line, and with it rich and pygments if they are installed. This
# takes tens of milliseconds, and is never used here. An entry of None makes that import fail, which
# httpx handles.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is documented for it

import httpcore
import httpx
import trio

from atoll import AtollError, Profile, Unreachable
from atoll.transport import MOST_BYTES, ConnectionLost, Dialer, Login, Request, TooLong
from atoll_rest.address import address
from atoll_rest.credentials import USER_AGENT, credentials
from atoll_rest.decoding import ACCEPTED, Undecodable, Unpacker
from atoll_rest.forms import encode_form
from atoll_rest.pool import Pool
from atoll_rest.proxies import proxy_for
from atoll_rest.tcp import CONNECT_TIMEOUT, open_stream
from atoll_rest.tls import speaks_tls

_BAD_REQUEST = 400
_SMALL_BODY = 64 * 1024
"""A body up to this size, in bytes, is sent without a noticeable delay."""


def connect(profile: Profile, dialer: Dialer | None = None) -> "RestTransport":
    """Return the transport of a profile; no connection is made before the first request."""
    return RestTransport(profile, dialer)


class NoHttp(AtollError):
    """The server does not answer in HTTP."""


class RestTransport:
    """Sends requests to one profile's endpoint, with a signature or the cookies of a login."""

    def __init__(self, profile: Profile, dialer: Dialer | None) -> None:
        self._profile = profile
        self._dialer = dialer
        self._has_heard = False
        self._address = address(profile)
        self._credentials = credentials(profile)
        self._origin = httpx.URL(self._address.origin)
        self._client = httpx.AsyncClient(
            transport=Pool(profile, dialer),
            headers={
                "User-Agent": USER_AGENT,
                "Host": self._address.netloc,
                "Accept-Encoding": ACCEPTED,
            },
            # The pool handles proxies; a password from .netrc must never replace the signature.
            trust_env=False,
        )

    @property
    def login(self) -> Login | None:
        """The login at a web server; None for profiles that sign requests."""
        if self._profile.endpoint_type != "session":
            return None
        from atoll_rest.stored_login import LoginFile
        from atoll_rest.weblogin import WebLogin
        from atoll_rest.webserver import WebServer

        server = WebServer(self._profile, self)
        return WebLogin(self._profile, server, LoginFile.of(self._profile))

    @property
    def origin(self) -> str:
        """Scheme, host and port of the endpoint."""
        return self._address.origin

    @property
    def proxy(self) -> str:
        """The proxy from the environment, empty for none."""
        proxy = None if self._dialer else proxy_for(self._address)
        return str(proxy) if proxy else ""

    async def request(self, request: Request) -> "RestResponse":
        """Send a request; see :class:`atoll.transport.RequestTransport`."""
        draft = self._draft(request)
        if request.signed:
            draft.headers.update(await self._identified(request, draft))
        try:
            with _explained(self._profile.endpoint, request.timeout), self._patience(request):
                response = await self._client.send(draft, stream=True)
        except (ConnectionLost, NoHttp):
            await self._look_for_tls()
            raise
        if response.status_code == _BAD_REQUEST:
            await self._look_for_tls()
        self._has_heard = True
        return RestResponse(response, self._profile.endpoint, request.timeout)

    async def aclose(self) -> None:
        """Close all connections and the dialer."""
        await self._client.aclose()
        if self._dialer is not None:
            await self._dialer.aclose()

    @contextmanager
    def _patience(self, request: Request) -> Iterator[None]:
        """Limit the time until the head of an answer has arrived, since interim responses could
        extend it forever; raises Unreachable. The time of long uploads and of questions to the user
        does not count.
        """
        is_short = request.body is None or (
            isinstance(request.body, bytes) and len(request.body) <= _SMALL_BODY
        )
        if request.timeout is None or request.parts or not is_short or self._dialer:
            yield
            return
        limit = request.timeout + CONNECT_TIMEOUT
        with trio.move_on_after(limit) as scope:
            yield
        if scope.cancelled_caught:
            raise Unreachable(f"{self._profile.endpoint} has not answered in {limit:g} s")

    async def _look_for_tls(self) -> None:
        """Raise Unreachable if the server did not understand plain HTTP because it expects TLS."""
        direct = not (self._dialer or self.proxy)
        if self._has_heard or self._address.secure or not direct:
            return
        endpoint = self._profile.endpoint
        stream = await open_stream(
            self._address.host, self._address.port, name=endpoint, dialer=None
        )
        if await speaks_tls(stream):
            hint = "should it be https rather than http?"
            raise Unreachable(f"{endpoint} speaks TLS", hint=hint, permanent=True)

    def _draft(self, request: Request) -> httpx.Request:
        """Build the request without its signature."""
        target = self._address.target(request.path, request.query)
        body, content_type = _content(request)
        draft = self._client.build_request(
            request.method,
            self._origin.copy_with(raw_path=target.encode("ascii")),
            content=body,
            headers=dict(request.headers),
            timeout=httpx.Timeout(request.timeout, connect=CONNECT_TIMEOUT, pool=None),
        )
        if "Content-Type" not in draft.headers:
            draft.headers["Content-Type"] = content_type
        if body is None and self._profile.endpoint_type == "session":
            # Without a Content-Length, web servers pass an empty body on in chunks, and the manager
            # behind them sometimes takes it for malformed JSON.
            draft.headers["Content-Length"] = "0"
        return draft

    async def _identified(self, request: Request, draft: httpx.Request) -> dict[str, str]:
        # httpx may have encoded more of the URL than was encoded before; the signature must cover
        # what it sends.
        return await self._credentials.headers(
            method=request.method,
            target=draft.url.raw_path.decode("ascii"),
            content_type=draft.headers["Content-Type"],
            version=request.version,
        )


class RestResponse:
    """An answer whose head has arrived."""

    def __init__(self, response: httpx.Response, endpoint: str, timeout: float | None) -> None:
        self._response = response
        self._endpoint = endpoint
        self._timeout = timeout
        self._headers = dict(response.headers)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, by lower-case name."""
        return self._headers

    @property
    def set_cookies(self) -> Sequence[str]:
        """The `Set-Cookie` headers, one by one."""
        return self._response.headers.get_list("set-cookie")

    async def read(self, most: int = MOST_BYTES) -> bytes:
        """Read and return the whole body, and release the connection; raises TooLong."""
        body = bytearray()
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > most:
                    raise TooLong
        return bytes(body)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives, in pieces of limited size."""
        raw = self._response.aiter_raw()
        with _explained(self._endpoint, self._timeout):
            try:
                unpacker = Unpacker(self._headers.get("content-encoding", "").strip().lower())
                async for packed in raw:
                    for chunk in unpacker.feed(packed):
                        yield chunk
                unpacker.finish()
            finally:
                await _unwind(raw)

    async def aclose(self) -> None:
        """Release the connection; the rest of the body is dropped."""
        await self._response.aclose()


async def _unwind(raw: AsyncIterator[bytes]) -> None:
    """Close an iterator that may not have reached its end.

    The nested generators of httpx and httpcore are all closed only if an error is raised in the
    innermost one.
    """
    with trio.CancelScope(shield=True) as now:
        now.cancel()
        async for _ in raw:
            pass


def _content(request: Request) -> tuple[bytes | AsyncIterable[bytes] | None, str]:
    """Return the body of a request, and its content type."""
    if request.parts:
        return encode_form(request.parts)
    usual = "text/plain" if request.body is None else "application/octet-stream"
    return request.body, request.content_type or usual


@contextmanager
def _explained(endpoint: str, timeout: float | None) -> Iterator[None]:
    """Replace errors of httpcore and httpx by our own, since theirs may contain headers."""
    try:
        yield
    except httpcore.TimeoutException:
        raise Unreachable(f"{endpoint} has been silent for {timeout:g} s") from None
    except httpcore.ProxyError:
        raise Unreachable(
            f"the proxy refused the connection to {endpoint}", hint="see HTTPS_PROXY and NO_PROXY"
        ) from None
    except httpcore.RemoteProtocolError as error:
        raise _broken_off(endpoint, error) from None
    except httpcore.NetworkError:
        raise ConnectionLost(f"connection to {endpoint} was lost") from None
    except httpcore.LocalProtocolError:
        raise AtollError(f"a request to {endpoint} has characters that HTTP can't send") from None
    except Undecodable:
        raise ConnectionLost(f"the answer of {endpoint} came damaged") from None


def _broken_off(endpoint: str, error: httpcore.RemoteProtocolError) -> AtollError:
    """Return the error for a connection that ended too early, or for a server that does not speak
    HTTP.
    """
    if "closed" in str(error) or "disconnected" in str(error):
        return ConnectionLost(f"connection to {endpoint} was lost")
    return NoHttp(f"{endpoint} answered with something that is not HTTP", hint="check the endpoint")
