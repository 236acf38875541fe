"""What terminals can draw: by the environment, or by what they answer among typed keys."""

import json

import pytest

from atoll.testing import Shell
from atoll_sessions.pictures import checks
from atoll_sessions.pictures.png import Png
from atoll_sessions.pictures.protocols import kitty
from atoll_sessions.pictures.query import answers_in, typed_in
from atoll_sessions.pictures.space import PictureSpace
from atoll_sessions.pictures.terminals import known_protocol

KITTY = b"\x1b[6;20;10t\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.35)\x1b\\\x1b[?62;c"
XTERM_SIXEL = b"\x1b[6;16;8t\x1bP>|XTerm(390)\x1b\\\x1b[?64;1;2;4;6;9c"
VTE = b"\x1b[?65;1;9c"


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "linux"}, "blocks"),
        ({"TERM": "dumb"}, "none"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "screen.xterm-256color"}, "blocks"),
        # What the terminal around tmux can draw does not get through it.
        ({"TERM": "tmux-256color", "TMUX": "/run/tmux,1,0", "LC_TERMINAL": "iTerm2"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/run/tmux,1,0"}, None),
    ],
)
def test_what_the_environment_tells(environ, protocol):
    assert known_protocol(environ) == protocol


@pytest.mark.parametrize(
    ("heard", "protocol", "cell"),
    [
        (KITTY, "kitty", (10, 20)),
        (XTERM_SIXEL, "sixel", (8, 16)),
        (b"\x1bP>|iTerm2 3.5.0\x1b\\" + XTERM_SIXEL, "iterm2", (8, 16)),
        (VTE, None, None),
        (b"\x1b[6;0;0t" + VTE, None, None),
        (b"\x1b_Gi=31;EINVAL:no\x1b\\" + VTE, None, None),
        # The digit stands for sixels by itself alone.
        (b"\x1b[?64;14;44c", None, None),
        (b"", None, None),
    ],
)
def test_what_terminals_answer(heard, protocol, cell):
    answers = answers_in(heard)
    assert (answers.protocol, answers.cell) == (protocol, cell)


@pytest.mark.parametrize(
    "typed", [b"ps\r", b"\x1b[A", "ä".encode(), b"\x1b", b"\x1b[200~x\x1b[201~"]
)
def test_keys_among_the_answers(typed):
    """They stay what they were, before, between and behind."""
    size, rest = XTERM_SIXEL[:9], XTERM_SIXEL[9:]
    assert typed_in(typed + size + b"ls" + rest + typed) == typed + b"ls" + typed


async def test_doctor_tells_how_pictures_are_drawn(home, monkeypatch):
    """And what is not installed, with the command that installs it."""
    shell = Shell(home, {"TERM": "xterm-kitty"})
    shell.load("sessions", "rest")
    monkeypatch.setattr(checks, "find_spec", lambda name: None if name == "plotext" else name)
    found = json.loads((await shell.run("doctor --output json")).stdout)
    told = {one["check"]: (one["status"], one["detail"], one["hint"]) for one in found}
    assert told["pictures"] == ("ok", "drawn: kitty's graphics", "")
    assert told["charts"] == ("absent", "plotext not installed", "pip install 'atoll[plots]'")


@pytest.mark.parametrize(
    ("size", "scaling"),
    [
        ((600, 300), b""),
        ((640, 384), b""),
        ((641, 100), b"c=80,"),
        ((1000, 500), b"c=80,"),
        ((300, 1000), b"r=24,"),
        ((4000, 4000), b"r=24,"),
    ],
)
def test_kitty_scales_what_does_not_fit_alone(size, scaling):
    """By one side, so that proportions stay; what fits is drawn pixel by pixel."""
    drawn = kitty(Png(b"picture", *size), PictureSpace(80, 24, 8, 16)).encode()
    assert drawn.startswith(b"\x1b_Ga=T,f=100,q=2," + scaling + b"m=0;")
