"""Asks the terminal what it can draw.

The terminal's answers arrive as typed keys, mixed with what the user types. The last question is
one that every terminal answers, so that nobody waits for answers that do not come. Keys that are
not part of an answer are put back into the input.
"""

import fcntl
import os
import re
import select
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import trio
from attrs import evolve, frozen

from atoll import Context

_LIMIT = 0.5
"""Seconds that a terminal has to answer."""
_MOST = 1 << 16
"""The most bytes that are read in that time."""
_KITTY, _CELL, _NAME, _ATTRIBUTES = (
    "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
    "\x1b[16t",
    "\x1b[>q",
    "\x1b[c",
)
_ANSWERS = {
    "kitty": re.compile(rb"\x1b_Gi=31;([^\x1b]{0,200})\x1b\\"),
    "cell": re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t"),
    "name": re.compile(rb"\x1bP>\|([^\x1b]{0,200})\x1b\\"),
    "attributes": re.compile(rb"\x1b\[\?([\d;]{0,200})c"),
}
_SIXEL = b"4"


@frozen
class Answers:
    """The answers of a terminal: the best protocol that it supports, and the size of a cell in
    pixels.
    """

    protocol: Literal["kitty", "iterm2", "sixel"] | None = None
    cell: tuple[int, int] | None = None
    is_late: bool = False
    """Whether the terminal was asked, but has not answered everything in time."""


async def ask_terminal(context: Context, *, nested: bool) -> Answers:
    """Ask the terminal; the answer is empty if keys are not read from the same terminal.

    `nested` is true for a terminal inside another one; it gets no question that it would take for a
    new title.
    """
    descriptor = _terminal_of(context)
    if descriptor is None:
        return Answers()
    received = b""
    question = _ATTRIBUTES if nested else _KITTY + _NAME + _ATTRIBUTES
    try:
        with _key_by_key(descriptor), trio.move_on_after(_LIMIT):
            context.output.stdout.write(_CELL + question)
            context.output.stdout.flush()
            while len(received) < _MOST and not _ANSWERS["attributes"].search(received):
                await trio.lowlevel.wait_readable(descriptor)
                if not (keys := os.read(descriptor, 4096)):
                    break
                received += keys
    finally:
        _put_back(context, descriptor, typed_in(received))
    is_late = not _ANSWERS["attributes"].search(received)
    return evolve(answers_in(received), is_late=is_late)


def take_late_answers(context: Context) -> None:
    """Read answers that arrive late, so that no prompt takes them for typed keys."""
    descriptor = _terminal_of(context)
    if descriptor is None:
        return
    received = b""
    with _key_by_key(descriptor):
        while len(received) < _MOST and select.select([descriptor], [], [], 0)[0]:
            if not (keys := os.read(descriptor, 4096)):
                break
            received += keys
    _put_back(context, descriptor, typed_in(received))


def answers_in(received: bytes) -> Answers:
    """Parse the answers of a terminal."""
    found = {name: pattern.search(received) for name, pattern in _ANSWERS.items()}
    cell = found["cell"]
    size = (int(cell.group(2)), int(cell.group(1))) if cell else None
    protocol: Literal["kitty", "iterm2", "sixel"] | None = None
    if (kitty := found["kitty"]) and kitty.group(1) == b"OK":
        protocol = "kitty"
    elif (name := found["name"]) and name.group(1).startswith((b"iTerm2", b"WezTerm")):
        protocol = "iterm2"
    elif (known := found["attributes"]) and _SIXEL in known.group(1).split(b";"):
        protocol = "sixel"
    return Answers(protocol, size if size and all(size) else None)


def typed_in(received: bytes) -> bytes:
    """Return the bytes that are not part of an answer, but were typed meanwhile."""
    for pattern in _ANSWERS.values():
        received = pattern.sub(b"", received)
    return received


def _terminal_of(context: Context) -> int | None:
    """Return the descriptor of the terminal, if this process both reads from it and writes to it,
    and runs in its foreground.
    """
    try:
        keys = context.stdin.file.fileno() if context.stdin.file else -1
        shown = context.output.stdout.fileno()
        same = os.path.sameopenfile(keys, shown)
        in_front = os.tcgetpgrp(keys) == os.getpgrp()
    except (OSError, ValueError):
        return None
    return keys if same and in_front and context.foreground else None


@contextmanager
def _key_by_key(descriptor: int) -> Iterator[None]:
    """Make each key readable as soon as it is typed, without an echo on the screen."""
    before, silent = termios.tcgetattr(descriptor), termios.tcgetattr(descriptor)
    silent[3] &= ~(termios.ECHO | termios.ICANON)
    # Without the usual flush, which would drop keys that were typed ahead.
    termios.tcsetattr(descriptor, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _put_back(context: Context, descriptor: int, keys: bytes) -> None:
    """Put typed keys back into the terminal's input; where the system forbids that, into standard
    input.
    """
    for place in range(len(keys)):
        try:
            fcntl.ioctl(descriptor, termios.TIOCSTI, keys[place : place + 1])
        except OSError:
            context.stdin.put_back(keys[place:])
            return
