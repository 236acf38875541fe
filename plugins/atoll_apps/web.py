"""Web services behind a local port: the head of every request is looked at, all else just passes.

Answers are followed as far as it takes to know which request they belong to: so a refusal comes in
its turn, and a connection speaks something else once the service has agreed to that.
"""

import re
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import NoReturn

import h11
import trio
from attrs import define, field, frozen

from atoll.transport import ByteStream
from atoll_apps.guard import Answer, Rules
from atoll_apps.http_messages import (
    Body,
    HeadReader,
    Malformed,
    body_of,
    body_of_answer,
    check_request,
    read_request,
    read_status,
    wants_upgrade,
)

_PIECE = 256 * 1024
_HEAD_PATIENCE = 60.0
"""Seconds that a head may take once it has begun."""
_TURN_PATIENCE = 10.0
"""Seconds that a refusal waits for the answers before it."""
_UPGRADE_PATIENCE = 60.0
_LONG = 1024
"""Bytes from which on the first line of a request may come in several pieces."""
_FIRST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP/1\.\d")
_ANY_BEGIN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+$")
_USUAL_BEGIN = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) /[\x21-\x7e]*(?: [^\r]*)?$")


class Dismissed(Exception):
    """The local side has had its answer, and shall have no other."""


@frozen
class Web:
    """How a port treats those who speak HTTP.

    With `unsure`, what is no HTTP from its first bytes on passes as it is. `tell` is told why
    requests were refused.
    """

    rules: Rules
    tell: Callable[[str], None]
    unsure: bool = False


@define(eq=False)
class _Awaited:
    """A request that was passed on, and whose answer is to come."""

    method: bytes
    upgrades: bool
    answered: trio.Event = field(factory=trio.Event)
    switched: bool = False


class Answers:
    """Follows the answers of a service; `passed` is shown all that it says."""

    def __init__(self) -> None:
        self._awaited: deque[_Awaited] = deque()
        self._head = HeadReader()
        self._body: Body | None = None
        self._is_lost = False

    def expect(self, request: h11.Request) -> _Awaited:
        """Have the answer to a request come after those to the ones before."""
        awaited = _Awaited(request.method, wants_upgrade(request))
        self._awaited.append(awaited)
        if self._is_lost:
            awaited.answered.set()
        return awaited

    def expect_no_more(self, awaited: _Awaited) -> None:
        """Take the last request for one that gets no answer, unless that has begun."""
        has_begun = self._awaited and self._awaited[0] is awaited and self._is_within
        if not has_begun and awaited in self._awaited:
            self._awaited.remove(awaited)

    @property
    def _is_within(self) -> bool:
        return self._body is not None or self._head.has_begun

    async def all_came(self) -> None:
        """Wait until every request has its answer."""
        while self._awaited and not self._is_lost:
            await self._awaited[-1].answered.wait()

    def passed(self, piece: memoryview) -> None:
        """Follow what has been passed to the local side."""
        if self._is_lost:
            return
        at = 0
        try:
            while at < len(piece) and not self._is_lost:
                at += self._take(piece[at:])
        except Malformed:
            self._lose()

    def _take(self, data: memoryview) -> int:
        if self._body is not None:
            count = self._body.take(data)
        else:
            head, count = self._head.take(data)
            if head:
                self._begin(head)
        if self._body is not None and self._body.ended:
            self._body = None
            self._awaited.popleft().answered.set()
        return count

    def _begin(self, head: bytes) -> None:
        if not self._awaited:
            raise Malformed("Nobody has asked.")
        status, awaited = read_status(head), self._awaited[0]
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            awaited.switched = awaited.upgrades
            self._lose()
        elif status >= HTTPStatus.OK:
            self._body = body_of_answer(awaited.method, status, head)

    def _lose(self) -> None:
        """Take what comes for something else than answers, from here on."""
        self._is_lost = True
        for awaited in self._awaited:
            awaited.answered.set()


class Requests:
    """What a local connection asks of a service."""

    def __init__(self, local: trio.SocketStream, web: Web, answers: Answers) -> None:
        self._local, self._web, self._answers = local, web, answers
        self._waiting = b""
        """What has come, and was not passed on yet."""
        self._here = local_address(local)

    async def copy_to(self, tunnel: ByteStream) -> None:
        """Pass on what gets through, until the local side sends no more.

        Raises Dismissed once a request was refused, BrokenResourceError.
        """
        if not self._web.unsure or (await self._fill() and looks_like_http(self._waiting)):
            try:
                await self._pass_requests(tunnel)
            except Malformed as error:
                await self._dismiss(Answer(error.status, str(error)))
        await tunnel.send_all(self._waiting)
        await tunnel.copy_from(self._local)

    async def _pass_requests(self, tunnel: ByteStream) -> None:
        """Pass requests on, until the connection speaks something else or has no more to say."""
        while head := await self._next_head():
            request = read_request(head)
            check_request(request)
            if answer := self._web.rules.refusal(request, self._here):
                await self._dismiss(answer)
            awaited = self._answers.expect(request)
            await tunnel.send_all(head)
            try:
                await self._pass_body(body_of(request), tunnel)
            except Malformed:
                self._answers.expect_no_more(awaited)
                raise
            if awaited.upgrades and await _is_switched(awaited):
                return

    async def _next_head(self) -> bytes:
        """Return the next head, empty at the end."""
        if not await self._skip_empty_lines():
            return b""
        reader = HeadReader()
        with trio.move_on_after(_HEAD_PATIENCE):
            while await self._fill():
                head, count = reader.take(self._waiting)
                self._waiting = self._waiting[count:]
                if head:
                    return head
            return b""
        raise Malformed("The request does not come.", 408)

    async def _skip_empty_lines(self) -> bool:
        """Have the beginning of a request waiting; False at the end."""
        while await self._fill():
            self._waiting = self._waiting.lstrip(b"\r\n")
            if self._waiting:
                return True
        return False

    async def _pass_body(self, body: Body, tunnel: ByteStream) -> None:
        while not body.ended and await self._fill():
            count = body.take(memoryview(self._waiting))
            piece, self._waiting = self._waiting[:count], self._waiting[count:]
            await tunnel.send_all(piece)

    async def _fill(self) -> bool:
        """Have something waiting; False at the end."""
        if not self._waiting:
            self._waiting = bytes(await self._local.receive_some(_PIECE))
        return bool(self._waiting)

    async def _dismiss(self, answer: Answer) -> NoReturn:
        if answer.status == HTTPStatus.FORBIDDEN:
            self._web.tell(answer.text)
        with trio.move_on_after(_TURN_PATIENCE):
            await self._answers.all_came()
            await self._local.send_all(answer.spelled())
        raise Dismissed


def local_address(local: trio.SocketStream) -> str:
    """Return the address of this machine at which a connection came, empty for a unix socket."""
    name = local.socket.getsockname()
    return str(name[0]) if isinstance(name, tuple) else ""


async def _is_switched(awaited: _Awaited) -> bool:
    with trio.move_on_after(_UPGRADE_PATIENCE):
        await awaited.answered.wait()
    return awaited.switched


def looks_like_http(first: bytes) -> bool:
    """Whether the first bytes of a connection are a request such as browsers send.

    These name a host in each, and send the first line at once, unless it is a long one.
    """
    line, end, _ = first.partition(b"\r\n")
    if not end:
        begin = _ANY_BEGIN if len(first) >= _LONG else _USUAL_BEGIN
        return begin.match(first) is not None
    head, whole, _ = first.partition(b"\r\n\r\n")
    return _FIRST_LINE.fullmatch(line) is not None and not (
        whole and b"\r\nhost:" not in head.lower()
    )
