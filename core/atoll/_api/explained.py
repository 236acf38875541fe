"""An API connection that sends nothing, and only records what would be sent.

No answers arrive. A command continues as long as it does not use one, except for answers to GraphQL
queries, which are invented (:mod:`atoll._api.likely_answers`).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NoReturn, Unpack

import trio
from attrs import frozen

from atoll._api.connection import Api, Reply
from atoll._api.content import Content, build_request, query_pairs
from atoll._api.likely_answers import answer_to
from atoll._api.negotiation import ANNOUNCED, Server, ServerCache
from atoll._errors import AtollError
from atoll._profiles import Profile
from atoll.reading import Shape
from atoll.transport import Channel, Request


class Unanswered(AtollError):
    """The command has used an answer, but there is none."""

    def __init__(self) -> None:
        super().__init__("nothing was sent, so there is no answer")


def _unanswered(*_arguments: object, **_named: object) -> NoReturn:
    raise Unanswered


class Unread:
    """An answer that may be passed on; using its content raises Unanswered."""

    __slots__ = ()
    __getattr__ = __getitem__ = __contains__ = __iter__ = __len__ = __bool__ = _unanswered
    __str__ = __format__ = __aenter__ = __call__ = _unanswered


@frozen
class _Silent:
    """A channel that is connected to nothing."""

    path: str
    note: Callable[[Request], None]

    async def send(self, message: str | bytes) -> None:
        """Record a message."""
        await trio.lowlevel.checkpoint()
        body = message.encode() if isinstance(message, str) else message
        self.note(Request(method="SEND", path=self.path, body=body))

    async def receive(self) -> NoReturn:
        """Raise Unanswered, since no message will arrive."""
        raise Unanswered

    async def aclose(self) -> None:
        """Do nothing, since nothing is open."""


class ExplainedApi(Api):
    """Passes each request to `note`, in the order in which they would be sent."""

    def __init__(
        self, profile: Profile, cache: ServerCache, note: Callable[[Request], None]
    ) -> None:
        super().__init__(profile, _unanswered)
        self._note = note
        self._server = cache.load()
        self.assumes = False
        """Whether the command was given an invented answer."""

    async def _known_server(self) -> Server:
        if self._server is None:
            self._note(Request(method="GET", path="/", signed=False))
            self._server = Server(ANNOUNCED, "")
        return self._server

    async def request(self, method: str, path: str, **content: Any) -> Reply:
        """Record a request."""
        await trio.lowlevel.checkpoint()
        await self._known_server()
        for option in ("stream", "timeout", "safe"):
            content.pop(option, None)
        self._note(_built(method, path, **content))
        return Unread()  # type: ignore[return-value]  # it may be handed on as one

    async def json(self, method: str, path: str, *, like: Shape = object, **content: Any) -> Any:
        """Record a request; `like`, the shape of the answer, is not used."""
        del like
        return await self.request(method, path, **content)

    async def gql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        like: Shape = dict,
        **kw: Any,
    ) -> Any:
        """Record a query; return an invented answer."""
        document = {"query": query, "variables": dict(variables or {})}
        unread = await self.request("POST", "/admin/gql", json=document, **kw)
        if "mutation" in query:
            return unread
        try:
            answer = answer_to(query, like, self.profile.access_key)
        except Exception:  # noqa: BLE001  # the shape's functions may raise anything for it
            raise Unanswered from None
        self.assumes = True
        return answer

    def read(self, value: Any, like: Shape) -> Any:
        """Return the missing answer unchanged."""
        del like
        return value

    async def access_key(self) -> str:
        """Return the access key if it is known without a request."""
        return self.profile.access_key

    @asynccontextmanager
    async def _opened(
        self, kind: str, path: str, params: Mapping[str, Any] | None
    ) -> AsyncIterator[Any]:
        del kind
        await self._known_server()
        self._note(Request(method="OPEN", path=path, query=tuple(query_pairs(params or {}))))
        channel: Channel = _Silent(path, self._note)
        yield channel


def _built(method: str, path: str, **content: Unpack[Content]) -> Request:
    return build_request(method, path, **content)
