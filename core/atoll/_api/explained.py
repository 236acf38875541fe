"""An api that sends nothing: it notes what would be sent.

No answer comes, so a command goes on as long as it looks at none, but for those to GraphQL queries:
these are made up (:mod:`atoll._api.likely_answers`).
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
    """The command has looked at an answer, which there is not."""

    def __init__(self) -> None:
        super().__init__("nothing was sent, so there is no answer")


def _unanswered(*_arguments: object, **_named: object) -> NoReturn:
    raise Unanswered


class Unread:
    """An answer that may be handed on, and can't be looked at: that raises Unanswered."""

    __slots__ = ()
    __getattr__ = __getitem__ = __contains__ = __iter__ = __len__ = __bool__ = _unanswered
    __str__ = __format__ = __aenter__ = __call__ = _unanswered


@frozen
class _Silent:
    """A channel to nobody."""

    path: str
    note: Callable[[Request], None]

    async def send(self, message: str | bytes) -> None:
        """Note a message."""
        await trio.lowlevel.checkpoint()
        body = message.encode() if isinstance(message, str) else message
        self.note(Request(method="SEND", path=self.path, body=body))

    async def receive(self) -> NoReturn:
        """Find that nothing comes."""
        raise Unanswered

    async def aclose(self) -> None:
        """Nothing is open."""


class ExplainedApi(Api):
    """Notes each request by `note`, in the order in which they would be sent."""

    def __init__(
        self, profile: Profile, cache: ServerCache, note: Callable[[Request], None]
    ) -> None:
        super().__init__(profile, _unanswered)
        self._note = note
        self._server = cache.load()
        self.assumes = False
        """Whether the command was told a likely answer."""

    async def _known_server(self) -> Server:
        if self._server is None:
            self._note(Request(method="GET", path="/", signed=False))
            self._server = Server(ANNOUNCED, "")
        return self._server

    async def request(self, method: str, path: str, **content: Any) -> Reply:
        """Note a request."""
        await trio.lowlevel.checkpoint()
        await self._known_server()
        for option in ("stream", "timeout", "safe"):
            content.pop(option, None)
        self._note(_built(method, path, **content))
        return Unread()  # type: ignore[return-value]  # it may be handed on as one

    async def json(self, method: str, path: str, *, like: Shape = object, **content: Any) -> Any:
        """Note a request; `like` is for an answer."""
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
        """Note a query; return a likely answer."""
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
        """Return the answer that there is not, as it is."""
        del like
        return value

    async def access_key(self) -> str:
        """Return the access key that is known without asking."""
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
