"""Storage proxies of the cluster, reached through the page's own address.

The cluster tells the page where a folder's files go and come from. The page's browser may not get
there, behind a bastion for one, and may not go to other sites from here. So the address is replaced
by one below the page's own, and what comes there is sent on, without a signature: its token is all
that storage asks for.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import h11
import trio
from attrs import define, evolve, field

from atoll import Context, Unreachable
from atoll.transport import NotSent, Request
from atoll_apps.api import Connection, exchange

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import RequestTransport, Response

PREFIX = "/storage/"
_PORTS = {"http": ":80", "https": ":443"}
_SILENCE = 60.0


@define
class StorageProxies:
    """The storage proxies that the cluster has told of, each by its number."""

    context: Context
    api: "Api"
    _origins: list[str] = field(factory=list)
    _transports: "dict[str, RequestTransport]" = field(factory=dict)

    def through(self, url: str, here: str) -> str:
        """Return the address below `here` for one at a storage proxy."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            return url
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._origins:
            self._origins.append(origin)
        rest = url.removeprefix(origin)
        return f"{here}{PREFIX}{self._origins.index(origin)}{rest}"

    async def pass_on(self, connection: Connection, request: h11.Request) -> bool:
        """Send a request on to the storage proxy that its path names; False if there is none."""
        number, slash, rest = request.target.decode("ascii").removeprefix(PREFIX).partition("/")
        origin = {str(index): one for index, one in enumerate(self._origins)}.get(number)
        if not slash or origin is None:
            return False
        transport = self._transport(origin)

        async def send(draft: Request) -> "Response":
            try:
                return await transport.request(evolve(draft, signed=False, timeout=_SILENCE))
            except NotSent as error:
                raise Unreachable(str(error)) from None

        target = f"/{rest}".encode("ascii")
        await exchange(send, connection, _retargeted(request, target))
        return True

    def _transport(self, origin: str) -> "RequestTransport":
        if origin not in self._transports:
            endpoint = origin.removesuffix(_PORTS[origin.partition(":")[0]])
            anonymous = evolve(self.api.profile, endpoint=endpoint, access_key="", secret_key="")
            self._transports[origin] = self.context.transport("request", anonymous)
        return self._transports[origin]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        with trio.CancelScope(shield=True):
            for transport in self._transports.values():
                await transport.aclose()


def _retargeted(request: h11.Request, target: bytes) -> h11.Request:
    headers: Any = list(request.headers)
    return h11.Request(method=request.method, target=target, headers=headers)
