"""One profile's live connection to its cluster: negotiation, GraphQL, errors and retries.

It knows only how requests are sent, not what they mean: it contains no routes but `/` and
`/admin/gql`, and no entities.
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
from atoll._api.slow_answers import report_if_slow
from atoll._errors import Problem, Unreachable
from atoll._profiles import Profile
from atoll._timings import measured
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
    """Makes the transport of a certain kind for a profile; called at most once for each kind."""

    def __call__(self, kind: Literal["request", "channel"], profile: Profile, /) -> Any:
        """Return a RequestTransport or a ChannelTransport, not yet connected."""


@frozen
class Reply:
    """A successful answer. `bytes` is its body, empty for a stream.

    `headers` have lower-case names. Close a streamed reply by leaving `async with reply`.
    """

    status: int
    headers: Mapping[str, str]
    bytes: builtins.bytes
    _response: Response = field(repr=False, alias="response")
    _endpoint: str = field(alias="endpoint")

    def json(self, like: Shape = object) -> Any:
        """Decode the body, None if it is empty, and read it as the shape `like`, see
        :mod:`atoll.reading`.

        Raises Malformed.
        """
        answer = decode(self.bytes, self._endpoint) if self.bytes else None
        return read(answer, like, self._endpoint)

    def chunks(self) -> AsyncGenerator[builtins.bytes]:
        """Yield the streamed body as it comes; raises ConnectionLost when it breaks off."""
        return self._response.chunks()

    def events(self) -> "AsyncGenerator[ServerSentEvent]":
        """Yield server-sent events as they arrive."""
        from atoll._api.sse import server_sent_events

        return server_sent_events(self._response.chunks(), self._endpoint)

    async def aclose(self) -> None:
        """Close the connection without reading the rest."""
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()


class Api:
    """The connection of one profile. It is opened at the first request; use it with `async with`,
    which closes it.

    `report_slow` is called when an answer takes long. `ask` returns the function that asks the user
    to log in again, or None if nobody can be asked. `import_channels` begins to import what
    channels need.

    All requests raise Problem (or a subclass) when the cluster refuses, Unreachable when it can't
    be reached.
    """

    def __init__(
        self,
        profile: Profile,
        transports: TransportFactory,
        cache: Path | None = None,
        report_slow: Callable[[], None] = lambda: None,
        ask: Callable[[], Ask | None] = lambda: None,
        import_channels: Callable[[], None] = lambda: None,
    ) -> None:
        self.profile = profile
        self._import_channels = import_channels
        self._relogin = Relogin(profile, ask)
        self._report_slow = report_slow
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

        `path` is percent-encoded, see :func:`~atoll.urls.path`. `timeout` is how many seconds the
        cluster may send nothing, None for no limit. `safe` says that the request may be repeated;
        by default it is true for GET and HEAD. Read a `stream` by the reply's `chunks` or `events`.
        """
        draft = evolve(build_request(method, path, **content), timeout=timeout)
        # A body that is sent piece by piece can be sent only once.
        lasting = draft.body is None or isinstance(draft.body, bytes)
        repeatable = lasting and (method in {"GET", "HEAD"} if safe is None else safe)

        async def send(version: ApiVersion) -> Reply:
            request = evolve(draft, version=str(version))
            return await self._send(request, stream=stream, safe=repeatable, lasting=lasting)

        return await self._send_logged_in(send, again=lasting)

    async def forward(self, request: Request) -> Response:
        """Send a request on behalf of another client, signed with the profile's keys; return the
        answer, whatever its status.

        It is sent once. Without a version of its own, it announces the negotiated one. Raises
        Unreachable.
        """
        if not request.version:
            request = evolve(request, version=str((await self._known_server()).announced))
        try:
            return await self._request_transport().request(request)
        except NotSent as error:
            raise Unreachable(str(error)) from None

    @asynccontextmanager
    async def forward_upgrade(
        self, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> "AsyncIterator[trio.abc.Stream]":
        """Forward another client's websocket handshake, signed; yields the stream to the cluster.

        The first bytes on the stream are the answer to the handshake. Raises Unreachable.
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
        """Send a request as :meth:`request` does, and return its JSON, read as the shape `like`.

        Raises Malformed for an answer of another shape; see :mod:`atoll.reading`.
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
        """Run a GraphQL query or mutation by `POST /admin/gql`; return its data, read as the shape
        `like`.

        Raises Problem of type `graphql-error`: its message is that of the first error, `data` has
        all.
        """
        kw.setdefault("safe", "mutation" not in query)
        document = {"query": query, "variables": dict(variables or {})}
        answer = await self.json("POST", "/admin/gql", json=document, like=dict, **kw)
        if answer.get("errors"):
            raise graphql_problem(answer["errors"])
        data: dict[str, Any] = self.read(answer.get("data") or {}, like)
        return data

    def read(self, value: Any, like: Shape) -> Any:
        """Read a value of the cluster as the shape `like`; raises Malformed.

        This is for values that :meth:`json` and :meth:`gql` have not read.
        """
        return read(value, like, self.profile.endpoint)

    def decode(self, text: str | bytes, like: Shape = object) -> Any:
        """Decode JSON of the cluster, and read it as the shape `like`; raises Malformed."""
        return self.read(decode(text, self.profile.endpoint), like)

    def expect_channel(self) -> None:
        """Begin to import what a channel needs, in the time that a request before it takes."""
        self._import_channels()

    @asynccontextmanager
    async def open(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Channel]:
        """Open a channel for the length of the block: `async with api.open(path("stream", …)) as
        channel`.
        """
        async with self._opened("open", path, params) as channel:
            yield channel

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[ByteStream]:
        """Open a stream of bytes, as :meth:`open` opens a channel."""
        async with self._opened("stream", path, params) as stream:
            yield stream

    @asynccontextmanager
    async def _opened(
        self, kind: Literal["open", "stream"], path: str, params: Mapping[str, Any] | None
    ) -> AsyncIterator[Any]:
        query = tuple(query_pairs(params or {}))

        async with AsyncExitStack() as stack:

            async def enter(version: ApiVersion) -> Any:
                async def attempt() -> Any:
                    with measured(f"opening {path}", always=True):
                        opener = getattr(self._channel_transport(), kind)
                        opening = opener(path, query, version=str(version))
                        return await stack.enter_async_context(opening)

                return await with_retries(attempt, safe=False, loopback=self._loopback)

            yield await self._send_logged_in(enter, again=True)

    @property
    def proxy(self) -> str:
        """The proxy that requests go through in addition to the profile's `via`, empty for none."""
        return getattr(self._request_transport(), "proxy", "")

    @property
    def origin(self) -> str:
        """Scheme and authority of the cluster's own URLs, such as `https://api.example.com`."""
        return getattr(self._request_transport(), "origin", "")

    @property
    def login(self) -> Login | None:
        """The login of the profile's user; None for profiles that sign requests."""
        if self.profile.endpoint_type != "session":
            return None
        login: Login | None = getattr(self._request_transport(), "login", None)
        return login

    async def access_key(self) -> str:
        """Return the access key of the user that requests are made for, empty if it is not
        known.
        """
        identity = await self.login.identity() if self.login else None
        return identity.access_key if identity else self.profile.access_key

    async def version(self) -> ApiVersion:
        """Return the newest API version that both sides know. Routes and formats depend on it."""
        return (await self._known_server()).spoken

    async def manager(self) -> str:
        """Return the release of the cluster's manager, such as `23.09.10`, empty if it is not
        known.
        """
        return (await self._known_server()).manager

    async def supports(self, feature: str) -> bool:
        """Whether the cluster announces a feature that is not in the API of Backend.AI."""
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

    async def _send_logged_in(
        self, send: Callable[[ApiVersion], Awaitable[T]], *, again: bool
    ) -> T:
        """Send with the negotiated version and, for profiles that log in, with a valid login."""
        announced = partial(self._send_with_version, send, again=again)
        return await self._relogin.around(self.login, announced, again=again)

    async def _send_with_version(
        self, send: Callable[[ApiVersion], Awaitable[T]], *, again: bool
    ) -> T:
        """Send with the negotiated version; if the cluster's version has changed since, send
        `again`.
        """
        server = await self._known_server()
        try:
            return await send(server.announced)
        except Problem as problem:
            if "unsupported api version" not in problem.message.lower():
                raise
            renewed = await self._renew_server(server)
            if not again or renewed.announced == server.announced:
                raise
        # The cluster checks the version first, so the request had no effect.
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
            with measured(f"{request.method} {request.path}", always=True):
                return await self._attempt(request, stream=stream)

        patient = request.timeout is None or not isinstance(request.body, bytes | None)
        asking = partial(with_retries, attempt, safe=safe, loopback=self._loopback, lasting=lasting)
        return await (asking() if patient else report_if_slow(self._report_slow, asking))

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
        """Read a whole body; raises Malformed if it is longer than any answer of the API."""
        try:
            return await response.read()
        except TooLong:
            size = MOST_BYTES // 2**20
            raise Malformed(self.profile.endpoint, f"with more than {size} MiB") from None
        finally:
            with trio.CancelScope(shield=True):
                await response.aclose()
