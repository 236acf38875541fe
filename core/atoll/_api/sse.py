"""Parses server-sent events from the pieces of a streamed body.

As in the HTML standard, lines end in CR, LF or both, an empty line ends an event, and a line that
starts with a colon is a comment. An event that the end of the stream cuts off is dropped.
"""

import codecs
from collections.abc import AsyncGenerator
from contextlib import aclosing

from attrs import define, field, frozen

from atoll.reading import Malformed

_LONGEST = 1024 * 1024
"""The longest event, in characters; those of clusters have some hundreds."""


@frozen
class ServerSentEvent:
    """One event: its name (`message` when it has none), its data, and the id to resume from."""

    event: str
    data: str
    id: str = ""


async def server_sent_events(
    chunks: AsyncGenerator[bytes], endpoint: str
) -> AsyncGenerator[ServerSentEvent]:
    """Yield each event when its last line has arrived; raises Malformed for one that is too
    long.
    """
    fields = _Fields()
    async with aclosing(_lines(chunks, endpoint)) as lines:
        async for line in lines:
            if fields.size + len(line) > _LONGEST:
                raise _endless(endpoint)
            if line:
                fields.add(line)
            elif (event := fields.take()) is not None:
                yield event


@define
class _Fields:
    """The fields of the event that is being read; the id is kept for the next events."""

    event: str = ""
    data: list[str] = field(factory=list)
    id: str = ""
    size: int = 0
    """Characters of the event so far, plus one for each line."""

    def add(self, line: str) -> None:
        self.size += len(line) + 1
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self.event = value
        elif name == "data":
            self.data.append(value)
        elif name == "id" and "\0" not in value:
            self.id = value

    def take(self) -> ServerSentEvent | None:
        taken = ServerSentEvent(self.event or "message", "\n".join(self.data), self.id)
        complete = bool(self.data)
        self.event, self.data, self.size = "", [], 0
        return taken if complete else None


async def _lines(chunks: AsyncGenerator[bytes], endpoint: str) -> AsyncGenerator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    pending = ""
    async with aclosing(chunks):
        async for chunk in chunks:
            pending += decoder.decode(chunk)
            # A CR at the end may be the first half of a line end.
            whole = pending.removesuffix("\r")
            *lines, rest = whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            pending = rest + pending[len(whole) :]
            if len(pending) > _LONGEST:
                raise _endless(endpoint)
            for line in lines:
                yield line


def _endless(endpoint: str) -> Malformed:
    return Malformed(endpoint, f"with an event of more than {_LONGEST // 1024} KiB")
