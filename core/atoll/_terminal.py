"""Reads the input of commands, from a person or a pipe, without blocking anything else."""

import codecs
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import BytesIO, TextIOWrapper
from typing import IO

from attrs import define, field

from atoll._front_line import FrontLine, current_line

_CHUNK = 65536


@define
class Source:
    """Lines from a file, a pipe or a terminal.

    It reads at most one line from a terminal, and a cancelled read consumes nothing, so the next
    prompt gets everything that was typed. `file` is None if there is no input.
    """

    file: IO[str] | None = field(factory=lambda: sys.stdin)
    _lines: deque[str] = field(factory=deque)
    """Complete lines that were read from the file, but not returned yet."""
    _begun: list[str] = field(factory=list)
    """The beginning of the next line, as far as it has been read."""
    _typed: bytes = b""
    """Keys that another reader has read from the terminal but not used."""
    _text: IO[str] | None = None
    _decoder: codecs.IncrementalDecoder = field(
        factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    async def line(self, *, hidden: bool = False) -> str | None:
        """Return the next line without its line break; None at the end. With `hidden`, a terminal
        does not show what is typed.
        """
        while not self._lines and (chunk := await self._read(hidden=hidden)):
            self._split(self._decoder.decode(chunk))
        if self._lines:
            return self._lines.popleft().removesuffix("\r")
        last = "".join(self._begun) + self._decoder.decode(b"", final=True)
        self._begun.clear()
        return last.removesuffix("\r") if last else None

    def _split(self, text: str) -> None:
        first, *others = text.split("\n")
        self._begun.append(first)
        if others:
            self._lines += ["".join(self._begun), *others[:-1]]
            self._begun = others[-1:]

    @property
    def unread(self) -> list[str]:
        """The lines that were read but not returned yet; without a file, these are all that are
        left.
        """
        return [*self._lines, "".join(self._begun)]

    def read_ahead(self) -> bool:
        """Read what has arrived of a pipe, without waiting; returns whether its end was reached."""
        import select

        while self.file is not None and select.select([self.file.fileno()], [], [], 0)[0]:
            if not (chunk := os.read(self.file.fileno(), _CHUNK)):
                return True
            self._split(self._decoder.decode(chunk))
        return self.file is None

    @property
    def is_terminal(self) -> bool:
        """Whether the input is a terminal."""
        return self.file is not None and self.file.isatty()

    def put_back(self, keys: bytes) -> None:
        """Return keys that were read but not used; they are read next."""
        self._typed += keys

    def take_typed(self) -> bytes:
        """Return the keys that were put back, and clear them."""
        keys, self._typed = self._typed, b""
        return keys

    async def rest(self) -> bytes:
        """Return the rest of the input as bytes, unchanged."""
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the rest of the input as bytes, unchanged, each piece as soon as it arrives."""
        if begun := self._take_read():
            yield begun
        while chunk := await self._read():
            yield chunk

    def as_file(self) -> IO[str]:
        """Return a file, for code that reads from files and may block."""
        if self.file is not None:
            return self.file
        if self._text is None:
            self._text = TextIOWrapper(BytesIO(self._take_read()), "utf-8")
        return self._text

    def _take_read(self) -> bytes:
        """Return what was read but not returned yet."""
        text = "".join([*(f"{line}\n" for line in self._lines), *self._begun])
        read = text.encode() + self._decoder.getstate()[0]
        self._lines.clear()
        self._begun.clear()
        self._decoder.reset()
        return read

    @classmethod
    def of_text(cls, text: str) -> "Source":
        """Make a source from the lines of a text."""
        source = cls(None)
        source._split(text)
        return source

    async def _read(self, *, hidden: bool = False) -> bytes:
        """Return the next bytes as soon as there are any; empty at the end."""
        line = current_line.get()
        if line is None or not self.is_terminal:
            with self._no_echo() if hidden else nullcontext():
                return await self._read_now()
        while (chunk := await self._read_in_front(line, hidden=hidden)) is None:
            await line.park()
        return chunk

    async def _read_in_front(self, line: FrontLine, *, hidden: bool) -> bytes | None:
        """Return the next bytes of a terminal; None if the line is or goes to the background."""
        import trio

        if line.is_moved:
            return None
        with trio.CancelScope() as scope, self._no_echo() if hidden else nullcontext():
            line.readers.append(scope)
            try:
                return await self._read_now()
            finally:
                line.readers.remove(scope)
        return None

    async def _read_now(self) -> bytes:
        import trio

        if self.file is None:
            return b""
        if self._typed:
            return self.take_typed()
        descriptor = self.file.fileno()
        try:
            await trio.lowlevel.wait_readable(descriptor)
        except PermissionError:
            # epoll does not accept regular files, but reading them may block, too.
            return await trio.to_thread.run_sync(
                os.read, descriptor, _CHUNK, abandon_on_cancel=True
            )
        return os.read(descriptor, _CHUNK)

    @contextmanager
    def _no_echo(self) -> Iterator[None]:
        if self.file is None or not self.is_terminal:
            yield
            return
        import termios

        descriptor = self.file.fileno()
        before, silent = termios.tcgetattr(descriptor), termios.tcgetattr(descriptor)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSANOW, silent)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
            sys.stderr.write("\n")


def open_terminal() -> IO[str] | None:
    """Open the terminal from which the program was started, if standard input is something else."""
    with suppress(OSError):
        return open("/dev/tty", encoding="utf-8", errors="replace")  # noqa: PTH123  # it stays open with the program
    return None
