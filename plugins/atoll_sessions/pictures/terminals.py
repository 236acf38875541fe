"""What the user's terminal can draw, by its environment or by its own word."""

import fcntl
import os
import struct
import termios
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

from attrs import define, field, frozen

from atoll import Context
from atoll_sessions.pictures.query import Answers, ask_terminal, take_late_answers
from atoll_sessions.pictures.room import USUAL_CELL, Room

Protocol = Literal["kitty", "iterm2", "sixel", "blocks", "none"]
PROTOCOLS: tuple[Protocol, ...] = ("kitty", "iterm2", "sixel", "blocks", "none")
_BY_TERM: Mapping[str, Protocol] = {
    "xterm-kitty": "kitty",
    "xterm-ghostty": "kitty",
    "foot": "sixel",
    "foot-extra": "sixel",
    "mlterm": "sixel",
    "yaft-256color": "sixel",
    "contour": "sixel",
    # These write on the screen what others take for a question.
    "linux": "blocks",
    "dumb": "none",
}
_BY_PROGRAM: Mapping[str, Protocol] = {
    "ghostty": "kitty",
    "iTerm.app": "iterm2",
    "WezTerm": "iterm2",
    "mintty": "iterm2",
    "Apple_Terminal": "blocks",
}
_LINES_KEPT = 2
"""Lines of the screen that a picture leaves for the prompt."""


@frozen
class Terminal:
    """What a terminal can draw, and how."""

    protocol: Protocol
    room: Room
    all_colours: bool = False
    """Whether half blocks may have any colour, not those of 256 alone."""


@define
class Terminals:
    """Knows terminals by their device: each is asked once."""

    _asked: dict[str, Answers] = field(factory=dict)

    async def find(self, context: Context, wanted: str) -> Terminal:
        """Return what standard output can draw; `wanted` is a protocol, or `auto`."""
        protocol, answers = await self._protocol(context, wanted)
        if protocol == "blocks" and not context.output.color:
            protocol = "none"
        return Terminal(protocol, _room(context, answers), _has_all_colours(context.environ))

    async def _protocol(self, context: Context, wanted: str) -> tuple[Protocol, Answers]:
        for protocol in PROTOCOLS:
            if protocol == wanted:
                return protocol, Answers()
        if known := known_protocol(context.environ):
            return known, Answers()
        answers = await self._ask(context)
        return answers.protocol or "blocks", answers

    def settle(self, context: Context) -> None:
        """Take late answers of the terminal away before somebody else reads from it."""
        answers = self._asked.get(_name(context))
        if answers is not None and answers.is_late:
            take_late_answers(context)

    async def _ask(self, context: Context) -> Answers:
        name = _name(context)
        if name not in self._asked:
            self._asked[name] = await ask_terminal(context, nested="TMUX" in context.environ)
        return self._asked[name]


def _name(context: Context) -> str:
    """Return the name of the terminal's device, empty for none."""
    with suppress(OSError, ValueError):
        return os.ttyname(context.output.stdout.fileno())
    return ""


def known_protocol(environ: Mapping[str, str]) -> Protocol | None:
    """Return what the environment tells of a terminal; None where it has to be asked.

    Within tmux, which has variables of the terminal around it, tmux itself is asked.
    """
    term = environ.get("TERM", "")
    if "TMUX" in environ:
        return None
    if term.startswith("screen"):
        return "blocks"
    if environ.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return _BY_TERM.get(term) or _BY_PROGRAM.get(environ.get("TERM_PROGRAM", ""))


def _has_all_colours(environ: Mapping[str, str]) -> bool:
    return environ.get("COLORTERM") in ("truecolor", "24bit") or "direct" in environ.get("TERM", "")


def _room(context: Context, answers: Answers) -> Room:
    """Return the room for a picture, in the pixels that the terminal tells of, if it does."""
    lines, columns, across, down = 24, 80, 0, 0
    with suppress(OSError, ValueError):
        told = fcntl.ioctl(context.output.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        lines, columns, across, down = struct.unpack("HHHH", told)
    columns, lines = columns or 80, lines or 24
    cell = (across // columns, down // lines)
    if not all(cell):
        cell = answers.cell or USUAL_CELL
    return Room(columns, max(1, lines - _LINES_KEPT), *cell)


terminals = Terminals()
"""Those of this process."""
