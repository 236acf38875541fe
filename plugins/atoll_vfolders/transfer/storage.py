"""Accesses the storage of a folder: gets permissions to upload and download files, and sends
requests with them.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trio
from attrs import define, field, frozen

from atoll import Context, Problem
from atoll.outages import Backoff, is_permanent
from atoll.transport import Request, TooLong
from atoll_sessions.api import for_wire
from atoll_vfolders.api import request_folder
from atoll_vfolders.model import Folder
from atoll_vfolders.storage_servers import StorageServers, origin_of

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Response

_TICKET = Backoff(first=0.05, attempts=5)
_PROXY_FAILURE = re.compile(r"Storage proxy responded with 5\d\d\b")
_MOST_BYTES = 1024 * 1024
"""The largest answer without a file, in bytes."""


@frozen
class Ticket:
    """The permission to upload or download one file: a URL, and a token to send with requests."""

    url: str
    token: str = field(repr=False)


@define
class Storage:
    """The storage of a folder's files; `overrides` maps URLs of storage servers to other URLs under
    which they can be reached.
    """

    servers: StorageServers
    folder: Folder
    overrides: Mapping[str, str] = field(factory=dict)

    @property
    def api(self) -> "Api":
        """The API that returns the permissions."""
        return self.servers.api

    async def ticket(self, verb: str, path: PurePosixPath, **more: Any) -> Ticket:
        """Ask for a permission (`POST /folders/{f}/request-upload` or `-download`).

        The request may be repeated, and is repeated after an error: a manager of 23.09 sometimes
        fails when files are sent to one folder at the same time.
        """
        return await _TICKET.retry(
            partial(self._ticket, verb, path, more), passes=_is_temporary_failure
        )

    async def _ticket(self, verb: str, path: PurePosixPath, more: Mapping[str, Any]) -> Ticket:
        content = {"path": await for_wire(self.api, path), **more}
        like = {"url": _url, "token": str}
        answer = await request_folder(
            self.api, self.folder, "POST", verb, json=content, safe=True, like=like
        )
        return Ticket(self._overridden(answer["url"]), answer["token"])

    def _overridden(self, url: str) -> str:
        for given, real in self.overrides.items():
            if url.startswith(given.rstrip("/")):
                return real.rstrip("/") + url.removeprefix(given.rstrip("/"))
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
        """Send a request and return its successful answer; raises Problem and Unreachable."""
        parts = urlsplit(ticket.url)
        request = Request(
            method=method,
            path=parts.path or "/",
            query=(("token", ticket.token), *query),
            body=body,
            content_type="application/offset+octet-stream" if method == "PATCH" else "",
            headers=headers or {},
        )
        response = await self.servers.send(origin_of(ticket.url), request)
        try:
            if response.status >= 300:
                raise await _refusal(response)
            if method != "GET":
                await _read_small(response)  # an unread answer would make the connection unusable
            yield response
        finally:
            with trio.CancelScope(shield=True):
                await response.aclose()


def _is_temporary_failure(error: Exception) -> bool:
    """Tell whether the storage failed for a reason that may be gone next time; 23.09 then answers
    400, too.

    In 23.09, the first two uploads into a new folder can make each other fail, because both create
    the folder at the same time.
    """
    if not isinstance(error, Problem) or is_permanent(error):
        return False
    return error.status >= 500 or _PROXY_FAILURE.search(error.message) is not None


def _url(text: str) -> str:
    """Check the URL that the manager returns for files."""
    if not origin_of(text):
        raise ValueError("this is not an http or https URL")
    return text


async def _refusal(response: "Response") -> Problem:
    from atoll.problems import problem_from

    body, headers = await _read_small(response), response.headers
    return problem_from(response.status, body, headers.get("content-type", ""), headers)


async def _read_small(response: "Response") -> bytes:
    """Return the text of an answer that contains no file, empty if it is too long."""
    try:
        return await response.read(_MOST_BYTES)
    except TooLong:
        return b""


@asynccontextmanager
async def storage_of(
    context: Context, api: "Api", folder: Folder, overrides: Mapping[str, str]
) -> AsyncIterator[Storage]:
    """Open the storage of a folder during the block."""
    async with StorageServers(context, api) as servers:
        yield Storage(servers, folder, overrides)
