"""Colours that can be read on the terminal's background, light or dark."""

import os
import pty
import tty

import pytest
from prompt_toolkit.styles import Style

from atoll import _terminal_input
from atoll._light_colors import LightColors
from atoll._terminal_input import TerminalInput
from atoll._theme import QUESTION, Background

ANSWER = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"


@pytest.mark.parametrize(
    ("theme", "answer", "environ", "is_light"),
    [
        ("auto", "", {}, False),
        ("auto", "rgb:ffff/ffff/ffff", {}, True),
        ("auto", "rgb:fd/f6/e3", {}, True),
        ("auto", "rgba:f/f/f/f", {}, True),
        ("auto", "rgb:0000/2b2b/3636", {}, False),
        ("auto", "rgb:0000/0000/ffff", {}, False),
        ("auto", "nonsense", {}, False),
        ("auto", "nonsense", {"COLORFGBG": "0;15"}, True),
        ("auto", "", {"COLORFGBG": "15;default;0"}, False),
        ("auto", "", {"COLORFGBG": "default;default"}, False),
        ("auto", "rgb:0000/0000/0000", {"COLORFGBG": "0;15"}, False),
        ("light", "rgb:0000/0000/0000", {}, True),
        ("dark", "rgb:ffff/ffff/ffff", {"COLORFGBG": "0;15"}, False),
    ],
)
def test_which_backgrounds_are_light(theme, answer, environ, is_light):
    """The setting counts most, then what the terminal says, then the environment."""
    background = Background()
    background.learn(answer)
    assert background.is_light(theme, environ) is is_light


@pytest.mark.parametrize(
    ("theme", "environ", "asks"),
    [
        ("auto", {"TERM": "xterm-256color"}, True),
        ("light", {"TERM": "xterm-256color"}, False),
        ("auto", {"TERM": "linux"}, False),
        ("auto", {}, False),
        ("auto", {"TERM": "xterm", "NO_COLOR": "1"}, False),
    ],
)
def test_which_terminals_are_asked(theme, environ, asks):
    assert Background().should_ask(theme, environ) is asks


@pytest.fixture
def background(monkeypatch):
    """That of a terminal which is yet to be asked."""
    made = Background()
    monkeypatch.setattr(_terminal_input, "background", made)
    return made


@pytest.fixture
def keyboard():
    """Both ends of a terminal: its keyboard, and a file that the program has of it."""
    keyboard, program = pty.openpty()
    tty.setraw(program)
    with os.fdopen(program, encoding="utf-8") as file:
        yield keyboard, file
    os.close(keyboard)


@pytest.mark.parametrize(
    ("pieces", "typed"),
    [
        ([ANSWER], ""),
        (["ab" + ANSWER + "cd"], "abcd"),
        (["a\x1b]11;rgb:ff", "ff/ffff/ffff\x1b\\b"], "ab"),
        (["\x1b", "]", "1", "1;rgb:ffff/ffff/ffff", "\x1b", "\\", "x"], "x"),
        (["\x1b]11;rgb:ffff/ffff/ffff\ax"], "x"),
        (["\x1b[A" + ANSWER + "\x1b[B"], "\x1b[A\x1b[B"),
    ],
)
def test_answers_are_no_keys(background, keyboard, pieces, typed):
    """In however many pieces they come; all that was typed stays."""
    told = []
    end, file = keyboard
    keys = TerminalInput(file, file, lambda: True)
    keys.on_answer = lambda: told.append(background.is_light("auto", {}))
    with keys.raw_mode():
        assert os.read(end, 100) == QUESTION.encode()
        pressed = []
        for piece in pieces:
            os.write(end, piece.encode())
            pressed += keys.read_keys()
    assert "".join(key.data for key in pressed) == typed
    assert told == [True]


def test_keys_that_look_like_an_answer_are_typed(background, keyboard):
    """Alt-] among it, once it is clear that no more comes."""
    end, file = keyboard
    keys = TerminalInput(file, file, lambda: True)
    with keys.raw_mode():
        os.write(end, b"\x1b]")
        pressed = [*keys.read_keys(), *keys.flush_keys()]
        os.write(end, b"1\x1b]11x")
        pressed += [*keys.read_keys(), *keys.flush_keys()]
    assert "".join(key.data for key in pressed) == "\x1b]1\x1b]11x"


def test_a_text_with_a_background_of_its_own_keeps_its_colour():
    colours = LightColors(lambda: True)
    plain, menu = map(Style([]).get_attrs_for_style_str, ("ansiyellow", "ansiyellow bg:#888888"))
    assert colours.transform_attrs(plain).color == "875f00"
    assert colours.transform_attrs(menu) == menu


@pytest.mark.parametrize("answers", [True, False])
def test_the_prompt(prompt, answers):
    """What is there already is drawn anew in colours for the background."""
    terminal = prompt(environ={"TERM": "xterm-256color"})
    assert QUESTION in terminal.written()
    terminal.type("nosuch --x")
    terminal.see("--x")
    if answers:
        terminal.type(ANSWER)
        for colour in ("38;5;124", "38;5;24"):
            terminal.see(colour)
    terminal.type("y\r")
    terminal.see("no such command")
    terminal.ready()
    assert "rgb" not in terminal.shown()
    assert ("38;5;24m" in terminal.written()) is answers
    assert terminal.leave() == 0


def test_the_prompt_by_the_setting(prompt):
    """Nobody is asked."""
    terminal = prompt(environ={"TERM": "xterm-256color", "ATOLL_SHELL_THEME": "light"})
    terminal.type("x --y")
    terminal.see("38;5;24")
    terminal.clear()
    assert QUESTION not in terminal.written()
    assert terminal.leave() == 0
