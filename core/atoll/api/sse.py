"""Server-sent events, read from the pieces of a streamed body.

As the HTML standard has it: lines end in CR, LF or both, an empty line ends an event, a line that
starts with a colon is a comment, and what the stream breaks off in the middle of is dropped.
"""

import codecs
from collections.abc import AsyncIterable, AsyncIterator

from attrs import define, field, frozen


@frozen
class ServerSentEvent:
    """One event: its name (`message` when it has none), its data, and the id to resume from."""

    event: str
    data: str
    id: str = ""


async def server_sent_events(chunks: AsyncIterable[bytes]) -> AsyncIterator[ServerSentEvent]:
    """Yield events as their last line comes in."""
    fields = _Fields()
    async for line in _lines(chunks):
        if line:
            fields.add(line)
        elif (event := fields.take()) is not None:
            yield event


@define
class _Fields:
    """The fields of the event that is coming in; the id outlives it."""

    event: str = ""
    data: list[str] = field(factory=list)
    id: str = ""

    def add(self, line: str) -> None:
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
        self.event, self.data = "", []
        return taken if complete else None


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    pending = ""
    async for chunk in chunks:
        pending += decoder.decode(chunk)
        # A CR at the end may be half of a line end.
        whole = pending.removesuffix("\r")
        *lines, rest = whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        pending = rest + pending[len(whole) :]
        for line in lines:
            yield line
