"""Read the output of programs from two pipes, in the order of the writes.

A pipe does not record when bytes were written. Therefore each pipe holds only one write at first: a
second write waits until the first was read, and epoll reports which of the two pipes was written
first. If a program makes many small writes to one pipe, this pipe is enlarged, because writes to a
single pipe keep their order anyway. A write to the other pipe makes it small again.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import select
import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop

CHUNK = 65536
DRAIN_LIMIT = 32
"""Most reads at the end of a run: enough for full pipes; more would come from other programs."""
MOST_LEFT = 64
"""Most ended programs whose pipes are still read, for the processes that they have left."""
MANY = 64
"""A pipe is enlarged after more small writes than this, without a write to the other pipe."""
SET_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 1031)
"""The number of F_SETPIPE_SZ, which Python has a name for since 3.10."""
QUIET = 0.05
"""Seconds without a write after which a pipe holds one write again."""
EDGE = select.EPOLLIN | select.EPOLLET
NARROW, WIDE = 4096, 65536
"""Sizes of a pipe in bytes: one page, which holds one write, or the usual size of pipes."""


class OutputPipe:
    """One output stream; bytes that are not UTF-8 become surrogate escapes."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.reading, writing = os.pipe()
        self.writing: int | None = writing
        os.set_blocking(self.reading, False)
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._count = 0
        self._last_read = 0.0
        self._is_narrow = False
        self.has_ended = False
        self.narrow()

    @property
    def is_wide(self) -> bool:
        return not self._is_narrow

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was read for `QUIET` seconds."""
        return time.monotonic() > self._last_read + QUIET

    def read(self) -> tuple[str, bool]:
        """Return the available text (one write while narrow), and whether there may be more."""
        try:
            data = os.read(self.reading, CHUNK)
        except BlockingIOError:
            return "", False
        self.has_ended = not data
        self._count += len(data) < NARROW
        self._last_read = time.monotonic()
        return self._decoder.decode(data), not self._is_narrow or self.writing is None

    def end(self) -> str:
        """Return the bytes of an incomplete character at the end of the output."""
        return self._decoder.decode(b"", final=True)

    def widen(self) -> bool:
        """Enlarge the pipe if there have been many writes since it was narrowed."""
        if self._is_narrow and self._count > MANY:
            self._resize(WIDE, 0)
            return self.is_wide
        return False

    def narrow(self) -> None:
        """Limit the pipe to one write; this has no effect unless the pipe is empty."""
        self._count = 0
        if not self._is_narrow:
            self._resize(NARROW, os.O_DIRECT)

    def leave(self) -> None:
        """Close our writing end, so that the pipe ends with the last process that has it."""
        if self.writing is not None:
            os.close(self.writing)
            self.writing = None

    def close(self) -> None:
        self.leave()
        os.close(self.reading)

    def _resize(self, size: int, packets: int) -> None:
        if self.writing is None:
            return
        # Linux may refuse: it limits the size of all pipes together, and a full pipe can't shrink.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.writing, SET_SIZE, size)
            flags = fcntl.fcntl(self.writing, fcntl.F_GETFL) & ~os.O_DIRECT
            fcntl.fcntl(self.writing, fcntl.F_SETFL, flags | packets)
            self._is_narrow = bool(packets)


class OutputPipes:
    """The two output streams of a program; `sink` gets the stream's name and each text."""

    def __init__(self, loop: Loop, sink: Callable[[str, str], None]) -> None:
        self._loop, self._sink = loop, sink
        self.stdout, self.stderr = OutputPipe("stdout"), OutputPipe("stderr")
        self._by_fd = {pipe.reading: pipe for pipe in (self.stdout, self.stderr)}
        self._last = self.stdout
        # Only edge-triggered events are reported in the order of the writes.
        self._edges = select.epoll()
        for fd in self._by_fd:
            self._edges.register(fd, EDGE)
        self.resume()

    def pause(self) -> None:
        """Stop reading, so that the program waits when a pipe is full."""
        if not self._edges.closed:
            self._loop.on_readable(self._edges.fileno(), None)

    def resume(self) -> None:
        if not self._edges.closed:
            self._loop.on_readable(self._edges.fileno(), self._read)

    def drain(self) -> None:
        """Read everything written so far."""
        for _ in range(DRAIN_LIMIT):
            if not self._read():
                break
        for pipe in (self.stdout, self.stderr):
            if text := pipe.end():
                self._sink(pipe.stream, text)

    def leave(self) -> None:
        """Read everything written so far; later output, of processes that the program has left,
        goes to the log only.

        If nobody read it, these processes would be killed at their next write, by SIGPIPE.
        """
        self.resume()
        self.drain()
        self._sink = lambda _stream, text: write_log(text)
        for pipe in (self.stdout, self.stderr):
            pipe.leave()
        _left.append(self)
        if len(_left) > MOST_LEFT:
            _left[0].close()

    def close(self) -> None:
        if self in _left:
            _left.remove(self)
        if not self._edges.closed:
            self._loop.on_readable(self._edges.fileno(), None)
            self._edges.close()
            self.stdout.close()
            self.stderr.close()

    def _read(self) -> bool:
        """Pass new output to the sink, up to a limit; returns False if there was none."""
        pieces: list[tuple[str, str]] = []
        room = CHUNK
        while room > 0 and (edges := self._poll()):
            for fd, _ in edges:
                room -= self._take(self._by_fd[fd], pieces)
        for stream, text in pieces:
            self._sink(stream, text)
        if self.stdout.has_ended and self.stderr.has_ended:
            self.close()
        return bool(pieces)

    def _poll(self) -> list[tuple[int, int]]:
        return [] if self._edges.closed else self._edges.poll(0)

    def _take(self, pipe: OutputPipe, pieces: list[tuple[str, str]]) -> int:
        """Add the next text of a pipe to `pieces`; returns the length of the text."""
        text, has_more = pipe.read()
        if pipe.has_ended:
            self._edges.unregister(pipe.reading)
        elif has_more:
            self._edges.modify(pipe.reading, EDGE)
        if pipe is self._last:
            if pipe.widen():
                self._narrow_when_quiet(pipe)
        else:
            pipe.narrow()
            self._last.narrow()
            self._last = pipe
        if pieces and pieces[-1][0] == pipe.stream:
            pieces[-1] = (pipe.stream, pieces[-1][1] + text)
        elif text:
            pieces.append((pipe.stream, text))
        return len(text)

    def _narrow_when_quiet(self, pipe: OutputPipe) -> None:
        if self._edges.closed or not pipe.is_wide:
            return
        if pipe.is_quiet:
            pipe.narrow()
        self._loop.later(QUIET, lambda: self._narrow_when_quiet(pipe))


_left: deque[OutputPipes] = deque()
"""The pipes that are read for processes that an ended program has left, the oldest first."""


def write_log(text: str) -> None:
    """Write a text to standard output, which the supervisor copies to the log."""
    with contextlib.suppress(OSError):
        os.write(1, text.encode("utf-8", "surrogateescape"))


def readable(text: str) -> str:
    """Replace bytes that are not UTF-8 by the replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
