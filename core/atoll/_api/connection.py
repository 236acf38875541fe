"""One profile's live connection to its cluster: negotiation, GraphQL, errors and retries.

Knows how the API is spoken, and nothing of what it is about: no route but `/` and `/admin/gql`, no
entity.
"""

import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, Unpack
from urllib.parse import urlsplit

import trio
from attrs import evolve, field, frozen

from atoll._api.content import Content, build_request, query_pairs
from atoll._api.negotiation import ApiVersion, Server, ServerCache, read_server
from atoll._api.relogin import Relogin
from atoll._api.retries import with_retries
from atoll._api.silence import telling_of_silence
from atoll._errors import Problem, Unreachable
from atoll._profiles import Profile
from atoll.problems import graphql_problem, problem_from, redirected
from atoll.reading import Malformed, Shape, decode, read
from atoll.transport import (
    MOST_BYTES,
    Ask,
    ByteStream,
    Channel,
    ChannelTransport,
    Login,
    NotSent,
    Request,
    RequestTransport,
    Response,
    TooLong,
)
from atoll.urls import is_loopback

if TYPE_CHECKING:
    from atoll._api.sse import ServerSentEvent

T = TypeVar("T")
_TIMEOUT = 60.0


class TransportFactory(Protocol):
    """Makes the transport of a kind for a profile; called at most once for each kind."""

    def __call__(self, kind: Literal["request", "channel"], profile: Profile, /) -> Any:
        """Return a RequestTransport or a ChannelTransport, not yet connected."""


@frozen
class Reply:
    """An answer of success. `bytes` is its body, empty when it was asked for as a stream.

    `headers` go by lower-case name. A streamed reply is closed by leaving `async with reply`.
    """

    status: int
    headers: Mapping[str, str]
    bytes: builtins.bytes
    _response: Response = field(repr=False, alias="response")
    _endpoint: str = field(alias="endpoint")

    def json(self, like: Shape = object) -> Any:
        """Decode the body, an empty one as None, and return what the shape `like` makes of it.

        See :mod:`atoll.reading`. Raises Malformed.
        """
        answer = decode(self.bytes, self._endpoint) if self.bytes else None
        return read(answer, like, self._endpoint)

    def chunks(self) -> AsyncGenerator[builtins.bytes]:
        """Yield the streamed body as it comes; raises ConnectionLost when it breaks off."""
        return self._response.chunks()

    def events(self) -> "AsyncGenerator[ServerSentEvent]":
        """Yield server-sent events as they come."""
        from atoll._api.sse import server_sent_events

        return server_sent_events(self._response.chunks(), self._endpoint)

    async def aclose(self) -> None:
        """Drop what was not read."""
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()


class Api:
    """The connection of one profile, made at the first request; close it with `async with`.

    `tell_silence` is called when an answer takes a while to come. `ask` returns how the user is
    asked to log in again, None where nobody can be.

    All requests raise Problem (or a subclass) when the cluster refuses, Unreachable when it can't
    be reached.
    """

    def __init__(
        self,
        profile: Profile,
        transports: TransportFactory,
        cache: Path | None = None,
        tell_silence: Callable[[], None] = lambda: None,
        ask: Callable[[], Ask | None] = lambda: None,
    ) -> None:
        self.profile = profile
        self._relogin = Relogin(profile, ask)
        self._tell_silence = tell_silence
        self._transports = transports
        self._requests: RequestTransport | None = None
        self._channels: ChannelTransport | None = None
        self._server: Server | None = None
        self._cache = ServerCache(cache, profile)
        self._negotiating = trio.Lock()
        self._loopback = not profile.via and is_loopback(urlsplit(profile.endpoint).hostname or "")

    async def request(
        self,
        method: str,
        path: str,
        *,
        stream: bool = False,
        timeout: float | None = _TIMEOUT,  # noqa: ASYNC109  # bounds each silence, not the whole
        safe: bool | None = None,
        **content: Unpack[Content],
    ) -> Reply:
        """Send a request that carries :class:`~atoll._api.content.Content`, and return its reply.

        `path` is percent-encoded, see :func:`~atoll.urls.path`. `timeout` bounds the silence of the
        cluster in seconds, None waits for ever. `safe` tells whether repeating the request does no
        harm; by default GET and HEAD are. A `stream` is read by the reply's `chunks` or `events`.
        """
        draft = evolve(build_request(method, path, **content), timeout=timeout)
        # A body that comes piece by piece is gone once it was sent.
        lasting = draft.body is None or isinstance(draft.body, bytes)
        repeatable = lasting and (method in {"GET", "HEAD"} if safe is None else safe)

        async def send(version: ApiVersion) -> Reply:
            request = evolve(draft, version=str(version))
            return await self._send(request, stream=stream, safe=repeatable, lasting=lasting)

        return await self._let_in(send, again=lasting)

    async def pass_on(self, request: Request) -> Response:
        """Send somebody's request, signed as the profile's own; returns the answer, whatever it is.

        It is sent once, announcing the version that is agreed on unless it says one. Raises
        Unreachable.
        """
        if not request.version:
            request = evolve(request, version=str((await self._known_server()).announced))
        try:
            return await self._request_transport().request(request)
        except NotSent as error:
            raise Unreachable(str(error)) from None

    @asynccontextmanager
    async def pass_on_upgrade(
        self, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> "AsyncIterator[trio.abc.Stream]":
        """Hold a stream open on which somebody's websocket handshake was sent, signed.

        What comes, the answer to it first, is theirs. Raises Unreachable.
        """
        version = str((await self._known_server()).announced)
        opener = self._channel_transport().upgrade(path, query, version=version, headers=headers)
        async with AsyncExitStack() as stack:
            try:
                stream = await stack.enter_async_context(opener)
            except NotSent as error:
                raise Unreachable(str(error)) from None
            yield stream

    async def json(self, method: str, path: str, *, like: Shape = object, **content: Any) -> Any:
        """Send a request, as :meth:`request` does, and return what `like` makes of its JSON.

        A shape says what is expected, see :mod:`atoll.reading`. Raises Malformed too.
        """
        return (await self.request(method, path, **content)).json(like)

    async def gql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        like: Shape = dict,
        **kw: Any,
    ) -> dict[str, Any]:
        """Run a GraphQL query or mutation by `POST /admin/gql` and return its data, read as `like`.

        Raises Problem of type `graphql-error` with the first error's message, and all of them in
        `data`.
        """
        kw.setdefault("safe", "mutation" not in query)
        document = {"query": query, "variables": dict(variables or {})}
        answer = await self.json("POST", "/admin/gql", json=document, like=dict, **kw)
        if answer.get("errors"):
            raise graphql_problem(answer["errors"])
        data: dict[str, Any] = self.read(answer.get("data") or {}, like)
        return data

    def read(self, value: Any, like: Shape) -> Any:
        """Return what the shape `like` makes of something the cluster has told; raises Malformed.

        For what does not come by :meth:`json` or :meth:`gql`.
        """
        return read(value, like, self.profile.endpoint)

    def decode(self, text: str | bytes, like: Shape = object) -> Any:
        """Decode JSON that the cluster has told, and read it; raises Malformed."""
        return self.read(decode(text, self.profile.endpoint), like)

    @asynccontextmanager
    async def open(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Channel]:
        """Hold a channel open, as in `async with api.open(path("stream", …)) as channel`."""
        async with self._opened("open", path, params) as channel:
            yield channel

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[ByteStream]:
        """Hold a stream of bytes open, as :meth:`open` does a channel."""
        async with self._opened("stream", path, params) as stream:
            yield stream

    @asynccontextmanager
    async def _opened(
        self, kind: Literal["open", "stream"], path: str, params: Mapping[str, Any] | None
    ) -> AsyncIterator[Any]:
        query = tuple(query_pairs(params or {}))

        async with AsyncExitStack() as stack:

            async def enter(version: ApiVersion) -> Any:
                def attempt() -> Awaitable[Any]:
                    opener = getattr(self._channel_transport(), kind)
                    return stack.enter_async_context(opener(path, query, version=str(version)))

                return await with_retries(attempt, safe=False, loopback=self._loopback)

            yield await self._let_in(enter, again=True)

    @property
    def way(self) -> str:
        """What the way to the cluster goes through beside the profile's `via`, such as a proxy."""
        return getattr(self._request_transport(), "way", "")

    @property
    def origin(self) -> str:
        """Scheme and authority by which the cluster is asked, as they are in URLs of its own."""
        return getattr(self._request_transport(), "origin", "")

    @property
    def login(self) -> Login | None:
        """How the user logs in and out; None where requests are signed."""
        if self.profile.endpoint_type != "session":
            return None
        login: Login | None = getattr(self._request_transport(), "login", None)
        return login

    async def access_key(self) -> str:
        """Return the access key that requests count as, empty where it is not known."""
        identity = await self.login.identity() if self.login else None
        return identity.access_key if identity else self.profile.access_key

    async def version(self) -> ApiVersion:
        """Return the newest version that both sides speak, by which routes and shapes differ."""
        return (await self._known_server()).spoken

    async def manager(self) -> str:
        """Return the release of the cluster's manager, such as `23.09.10`, empty when not told."""
        return (await self._known_server()).manager

    async def supports(self, feature: str) -> bool:
        """Whether the cluster says of itself that it has something which the API does not."""
        return feature in (await self._known_server()).features

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in (self._requests, self._channels):
            if transport is not None:
                await transport.aclose()
        self._requests = self._channels = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    def _request_transport(self) -> RequestTransport:
        if self._requests is None:
            self._requests = self._transports("request", self.profile)
        return self._requests

    def _channel_transport(self) -> ChannelTransport:
        if self._channels is None:
            self._channels = self._transports("channel", self.profile)
        return self._channels

    async def _let_in(self, send: Callable[[ApiVersion], Awaitable[T]], *, again: bool) -> T:
        """Send under the negotiated version and, where users log in, with a login that holds."""
        announced = partial(self._announcing, send, again=again)
        return await self._relogin.around(self.login, announced, again=again)

    async def _announcing(self, send: Callable[[ApiVersion], Awaitable[T]], *, again: bool) -> T:
        """Send under the negotiated version; `again` if the cluster has since become another."""
        server = await self._known_server()
        try:
            return await send(server.announced)
        except Problem as problem:
            if "unsupported api version" not in problem.message.lower():
                raise
            renewed = await self._renew_server(server)
            if not again or renewed.announced == server.announced:
                raise
        # The version is checked before anything else, so the request had no effect.
        return await send(renewed.announced)

    async def _known_server(self) -> Server:
        async with self._negotiating:
            if self._server is None:
                self._server = self._cache.load() or await self._probe()
            return self._server

    async def _renew_server(self, outdated: Server) -> Server:
        async with self._negotiating:
            if self._server is outdated:
                self._cache.drop()
                self._server = await self._probe()
            return self._server or outdated

    async def _probe(self) -> Server:
        request = Request(method="GET", path="/", signed=False, timeout=_TIMEOUT)
        try:
            reply = await self._send(request, stream=False, safe=True)
            server = read_server(self.profile.endpoint, reply.status, reply.bytes)
        except Problem as problem:
            if problem.status >= 500 or problem.type == "redirect":
                raise
            server = read_server(self.profile.endpoint, problem.status, b"")
        self._cache.save(server)
        return server

    async def _send(
        self, request: Request, *, stream: bool, safe: bool, lasting: bool = True
    ) -> Reply:
        async def attempt() -> Reply:
            return await self._attempt(request, stream=stream)

        patient = request.timeout is None or not isinstance(request.body, bytes | None)
        asking = partial(with_retries, attempt, safe=safe, loopback=self._loopback, lasting=lasting)
        return await (asking() if patient else telling_of_silence(self._tell_silence, asking))

    async def _attempt(self, request: Request, *, stream: bool) -> Reply:
        response = await self._request_transport().request(request)
        if response.status >= 300:
            raise await self._refusal(response)
        if stream:
            return self._reply(response, b"")
        return self._reply(response, await self._body(response))

    def _reply(self, response: Response, body: bytes) -> Reply:
        endpoint = self.profile.endpoint
        return Reply(response.status, response.headers, body, response, endpoint)

    async def _refusal(self, response: Response) -> Problem:
        body, headers = await self._body(response), response.headers
        if response.status < 400:
            return redirected(self.profile.endpoint, response.status, headers)
        return problem_from(response.status, body, headers.get("content-type", ""), headers)

    async def _body(self, response: Response) -> bytes:
        """Read a whole body; raises Malformed for one that is longer than any answer is."""
        try:
            return await response.read()
        except TooLong:
            size = MOST_BYTES // 2**20
            raise Malformed(self.profile.endpoint, f"with more than {size} MiB") from None
        finally:
            with trio.CancelScope(shield=True):
                await response.aclose()
