"""Sends requests to the storage proxies of a cluster, the servers that store and return files.

They are other servers than the profile's endpoint, and accept neither signatures nor logins.
Instead, each request carries a token from the endpoint that allows one operation on one file. The
connections use the endpoint's bastion, proxies and certificate authorities.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import trio
from attrs import define, evolve, field

from atoll import Context, Profile, Unreachable
from atoll.transport import NotSent

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Request, RequestTransport, Response

TIMEOUT = 60.0
"""Seconds without any data after which a connection counts as dead."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def origin_of(url: str) -> str:
    """Return the origin of a storage proxy's URL, `https://host:port`; empty for another URL."""
    parts = urlsplit(url)
    is_one = parts.scheme in _DEFAULT_PORTS and parts.hostname
    return f"{parts.scheme}://{parts.netloc}" if is_one else ""


@define
class StorageServers:
    """Sends requests to storage proxies; use it with `async with`, which closes the connections."""

    context: Context
    api: "Api"
    _transports: "dict[str, RequestTransport]" = field(factory=dict)

    async def send(self, origin: str, request: "Request") -> "Response":
        """Send a request without a signature to the server at `origin`; raises Unreachable."""
        try:
            return await self._transport(origin).request(
                evolve(request, signed=False, timeout=TIMEOUT)
            )
        except NotSent as error:
            raise Unreachable(str(error)) from None

    def _transport(self, origin: str) -> "RequestTransport":
        if origin not in self._transports:
            anonymous = evolve(
                self._profile_for(origin), endpoint_type="api", access_key="", secret_key=""
            )
            self._transports[origin] = self.context.transport("request", anonymous)
        return self._transports[origin]

    def _profile_for(self, origin: str) -> Profile:
        """Return a profile for connections to a server."""
        profile = self.api.profile
        scheme, own_scheme = origin.partition(":")[0], profile.endpoint.partition(":")[0]
        endpoint = origin.removesuffix(_DEFAULT_PORTS[scheme])
        if scheme == own_scheme:
            return evolve(profile, endpoint=endpoint)
        if own_scheme not in _DEFAULT_PORTS and endpoint == self.api.origin:
            # If the endpoint is not an HTTP address, only its own transport knows how to reach the
            # server.
            return profile
        return evolve(profile, endpoint=endpoint, transport="")

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
