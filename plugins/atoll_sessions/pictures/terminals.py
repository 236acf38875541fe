"""Finds out what the user's terminal can draw, from its environment or from its own answers."""

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
from atoll_sessions.pictures.space import USUAL_CELL, PictureSpace

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
    # These terminals do not understand the questions, and write them on the screen.
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
"""Lines of the screen that are left for the prompt below a picture."""


@frozen
class Terminal:
    """What a terminal can draw, and how."""

    protocol: Protocol
    space: PictureSpace
    all_colours: bool = False
    """Whether half blocks may have any colour, not only one of 256."""


@define
class Terminals:
    """What is known about terminals, by their device: each is asked only once."""

    _asked: dict[str, Answers] = field(factory=dict)

    async def find(self, context: Context, wanted: str) -> Terminal:
        """Return what standard output can draw; `wanted` is a protocol, or `auto`."""
        protocol, answers = await self._protocol(context, wanted)
        if protocol == "blocks" and not context.output.color:
            protocol = "none"
        return Terminal(protocol, _space(context, answers), _has_all_colours(context.environ))

    async def _protocol(self, context: Context, wanted: str) -> tuple[Protocol, Answers]:
        for protocol in PROTOCOLS:
            if protocol == wanted:
                return protocol, Answers()
        if known := known_protocol(context.environ):
            return known, Answers()
        answers = await self._ask(context)
        return answers.protocol or "blocks", answers

    def settle(self, context: Context) -> None:
        """Remove late answers of the terminal before another part of the program reads from it."""
        answers = self._asked.get(_name(context))
        if answers is not None and answers.is_late:
            take_late_answers(context)

    async def _ask(self, context: Context) -> Answers:
        name = _name(context)
        if name not in self._asked:
            self._asked[name] = await ask_terminal(context, nested="TMUX" in context.environ)
        return self._asked[name]


def _name(context: Context) -> str:
    """Return the name of the terminal's device, empty if there is no terminal."""
    with suppress(OSError, ValueError):
        return os.ttyname(context.output.stdout.fileno())
    return ""


def known_protocol(environ: Mapping[str, str]) -> Protocol | None:
    """Return the terminal's protocol, as the environment tells it; None if the terminal must be
    asked.

    Inside tmux, the variables describe the terminal around it, so tmux itself is asked.
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


def _space(context: Context, answers: Answers) -> PictureSpace:
    """Return the space for a picture, with the size of a cell that the terminal tells, if it
    does.
    """
    lines, columns, across, down = 24, 80, 0, 0
    with suppress(OSError, ValueError):
        answer = fcntl.ioctl(context.output.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        lines, columns, across, down = struct.unpack("HHHH", answer)
    columns, lines = columns or 80, lines or 24
    cell = (across // columns, down // lines)
    if not all(cell):
        cell = answers.cell or USUAL_CELL
    return PictureSpace(columns, max(1, lines - _LINES_KEPT), *cell)


terminals = Terminals()
"""The terminals that this process knows."""
