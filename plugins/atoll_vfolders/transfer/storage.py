"""Storage proxies: the servers that files go to and come from.

They are not the endpoint of the profile, and know no signatures: what may be done to which file is
in a token that the endpoint has given out. The way there is the profile's own all the same, with
its bastion, its proxies and its certificate authorities.
"""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trio
from attrs import define, evolve, field, frozen

from atoll import Context, Problem, Profile, Unreachable
from atoll.outages import Backoff, is_permanent
from atoll.transport import NotSent, Request, TooLong
from atoll_sessions.api import for_wire
from atoll_vfolders.api import request_folder
from atoll_vfolders.model import Folder

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import RequestTransport, Response

SILENCE = 60.0
"""Seconds of silence after which a connection is taken to be dead."""
_TICKET = Backoff(first=0.05, attempts=5)
_MOST_BYTES = 1024 * 1024
"""Bytes."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@frozen
class Ticket:
    """The permission to upload or download one file: where to go, and the token to show."""

    url: str
    token: str = field(repr=False)


@define
class Storage:
    """The storage proxies of a cluster; `overrides` says which to reach under another URL."""

    context: Context
    api: "Api"
    folder: Folder
    overrides: Mapping[str, str] = field(factory=dict)
    _transports: "dict[str, RequestTransport]" = field(factory=dict)

    async def ticket(self, verb: str, path: PurePosixPath, **more: Any) -> Ticket:
        """Ask for a permission (`POST /folders/{f}/request-upload` or `-download`).

        Asking again does no harm. A manager of 23.09 fails now and then when files go to one
        folder side by side, and is asked again for that.
        """
        return await _TICKET.retry(partial(self._ticket, verb, path, more), passes=_has_stumbled)

    async def _ticket(self, verb: str, path: PurePosixPath, more: Mapping[str, Any]) -> Ticket:
        content = {"path": await for_wire(self.api, path), **more}
        like = {"url": _url, "token": str}
        answer = await request_folder(
            self.api, self.folder, "POST", verb, json=content, safe=True, like=like
        )
        return Ticket(self._overridden(answer["url"]), answer["token"])

    def _overridden(self, url: str) -> str:
        for told, real in self.overrides.items():
            if url.startswith(told.rstrip("/")):
                return real.rstrip("/") + url.removeprefix(told.rstrip("/"))
        return url

    @asynccontextmanager
    async def request(
        self,
        method: str,
        ticket: Ticket,
        *,
        headers: Mapping[str, str] | None = None,
        query: tuple[tuple[str, str], ...] = (),
        body: bytes | AsyncIterable[bytes] | None = None,
    ) -> "AsyncIterator[Response]":
        """Send a request and give its answer, of success; raises Problem and Unreachable."""
        parts = urlsplit(ticket.url)
        request = Request(
            method=method,
            path=parts.path or "/",
            query=(("token", ticket.token), *query),
            body=body,
            content_type="application/offset+octet-stream" if method == "PATCH" else "",
            headers=headers or {},
            signed=False,
            timeout=SILENCE,
        )
        response = await self._send(f"{parts.scheme}://{parts.netloc}", request)
        try:
            if response.status >= 300:
                raise await _refusal(response)
            if method != "GET":
                await _read_small(response)  # what is not read to its end costs the connection
            yield response
        finally:
            with trio.CancelScope(shield=True):
                await response.aclose()

    async def _send(self, origin: str, request: Request) -> "Response":
        try:
            return await self._transport(origin).request(request)
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
        """Return a profile by which a server is reached."""
        profile = self.api.profile
        scheme, own_scheme = origin.partition(":")[0], profile.endpoint.partition(":")[0]
        endpoint = origin.removesuffix(_DEFAULT_PORTS[scheme])
        if scheme == own_scheme:
            return evolve(profile, endpoint=endpoint)
        if own_scheme not in _DEFAULT_PORTS and endpoint == self.api.origin:
            # Where the endpoint is no address of HTTP, its own transport alone knows the way.
            return profile
        return evolve(profile, endpoint=endpoint, transport="")

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()


def _has_stumbled(error: Exception) -> bool:
    return isinstance(error, Problem) and error.status >= 500 and not is_permanent(error)


def _url(text: str) -> str:
    """Check where files are said to be."""
    parts = urlsplit(text)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("that is no http or https URL")
    return text


async def _refusal(response: "Response") -> Problem:
    from atoll.problems import problem_from

    body, headers = await _read_small(response), response.headers
    return problem_from(response.status, body, headers.get("content-type", ""), headers)


async def _read_small(response: "Response") -> bytes:
    """Return what an answer says that carries no file, nothing of one that says too much."""
    try:
        return await response.read(_MOST_BYTES)
    except TooLong:
        return b""


@asynccontextmanager
async def storage_of(
    context: Context, api: "Api", folder: Folder, overrides: Mapping[str, str]
) -> AsyncIterator[Storage]:
    """Reach the storage of a folder for as long as this lasts."""
    storage = Storage(context, api, folder, overrides)
    try:
        yield storage
    finally:
        with trio.CancelScope(shield=True):
            await storage.aclose()
