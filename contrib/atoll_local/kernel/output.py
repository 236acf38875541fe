"""What programs write: pipes read as they fill, as text that is never cut inside a character."""

from __future__ import annotations

import codecs
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    from .loop import Loop

CHUNK = 65536
DRAIN_LIMIT = 32
"""Chunks taken at the end of a run: more than a pipe holds, so only another writer's are left."""


class OutputPipe:
    """The read end of one standard stream of a program."""

    def __init__(
        self, loop: Loop, file: IO[bytes], stream: str, sink: Callable[[str, str], None]
    ) -> None:
        """`sink` gets the stream's name and each piece of text."""
        self._loop, self._file, self._stream, self._sink = loop, file, stream, sink
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.set_blocking(file.fileno(), False)
        self.resume()

    def pause(self) -> None:
        """Leave further output in the pipe, so that its writer waits in the end."""
        if not self._file.closed:
            self._loop.on_readable(self._file.fileno(), None)

    def resume(self) -> None:
        if not self._file.closed:
            self._loop.on_readable(self._file.fileno(), self._read)

    def drain(self) -> None:
        """Take everything written so far; a character begun and not ended is replaced."""
        for _ in range(DRAIN_LIMIT):
            if not self._read():
                break
        self._tell(self._decoder.decode(b"", final=True))

    def close(self) -> None:
        if not self._file.closed:
            self._loop.on_readable(self._file.fileno(), None)
            self._file.close()

    def _read(self) -> bool:
        try:
            data = b"" if self._file.closed else os.read(self._file.fileno(), CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self.close()
            return False
        self._tell(self._decoder.decode(data))
        return True

    def _tell(self, text: str) -> None:
        if text:
            self._sink(self._stream, text)


class OutputPipes:
    """Both output streams of one program."""

    def __init__(self, pipes: Sequence[OutputPipe]) -> None:
        self._pipes = pipes

    def pause(self) -> None:
        for pipe in self._pipes:
            pipe.pause()

    def resume(self) -> None:
        for pipe in self._pipes:
            pipe.resume()

    def drain(self) -> None:
        for pipe in self._pipes:
            pipe.drain()

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
