"""Reads the log of a session piece by piece, since it may be longer than other answers."""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from atoll import Api

_START = re.compile(r'"logs"\s*:\s*"')
_WHOLE = re.compile(r'(?:[^"\\]+|\\u[0-9a-fA-F]{4}|\\[^u])*')
"""The longest beginning of JSON text that contains neither the closing quote nor part of an
escape.
"""
_HALF_A_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
"""The first of the two escapes that together encode one character."""
_LONGEST_HEAD = 64 * 1024


async def stream_log(
    api: "Api", session_id: str, kernel_id: str | None = None
) -> AsyncIterator[str]:
    """Yield the log of a session piece by piece, also after its end (`GET /session/{s}/logs`).

    `kernel_id` names one of its containers, None the main one. Raises Malformed if the answer is
    not a JSON map with `logs` in it, ConnectionLost if it breaks off.
    """
    from atoll.reading import Malformed
    from atoll.urls import path

    scanner, decoder = LogScanner(), getincrementaldecoder("utf-8")("replace")
    params = {"kernel_id": kernel_id}
    route = path("session", session_id, "logs")
    reply = await api.request("GET", route, params=params, stream=True)
    async with reply:
        async for chunk in reply.chunks():
            if text := scanner.feed(decoder.decode(chunk)):
                yield text
            if scanner.is_lost:
                break
    if not scanner.is_over:
        raise Malformed(api.profile.endpoint, "with something other than a log")


@define
class LogScanner:
    """Finds the text called `logs` in a JSON document that arrives in pieces."""

    _rest: str = ""
    _has_begun: bool = False
    is_over: bool = field(default=False, init=False)
    """Whether the end of the text was found."""

    @property
    def is_lost(self) -> bool:
        """Whether this can't be such a document: the text has not begun after many characters, or
        `logs` is not a text.
        """
        return len(self._rest) > _LONGEST_HEAD

    def feed(self, piece: str) -> str:
        """Read a piece of the document; returns the part of the log that it contains."""
        if self.is_over:
            return ""
        self._rest += piece
        if not self._has_begun:
            start = _START.search(self._rest)
            if start is None:
                return ""
            self._has_begun, self._rest = True, self._rest[start.end() :]
        return self._take()

    def _take(self) -> str:
        whole = _WHOLE.match(self._rest)
        end = whole.end() if whole else 0
        self.is_over = self._rest[end : end + 1] == '"'
        if not self.is_over and (half := _HALF_A_PAIR.search(self._rest, 0, end)):
            end = half.start()
        text, self._rest = self._rest[:end], self._rest[end:]
        taken: str = json.loads(f'"{text}"', strict=False)
        return taken
