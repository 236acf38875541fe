"""A command of a plugin that has the whole screen, at a prompt on a terminal."""

from pathlib import Path

import pytest

PLUGIN = '''
import click
import trio
from atoll import Command, hookimpl
from atoll.fullscreen import FullScreen, check_terminal


@hookimpl
def atoll_commands():
    yield Command("show", "Show a screen", "screens:show")
    yield Command("say", "Say something", "screens:say")


@click.command()
@click.argument("word")
async def say(context, word):
    """Say something."""
    context.output.stream("stdout", f"said {word}\\n")


@click.command()
@click.option("--fails")
async def show(context, fails):
    """Show a screen."""
    check_terminal(context, "show")
    pressed = []

    def draw(columns, rows):
        if fails == "drawing" and pressed:
            raise LookupError("no such picture")
        line = [("bold", f"{columns}x{rows}"), ("mark", " pressed " + " ".join(pressed))]
        return [line, [("", "wide " * 99)]]

    async def twice():
        screen.aside(lambda: context.run("say again"))
        await context.run("say first")

    def press(key):
        if key == "q":
            screen.leave()
        elif key == "r":
            screen.aside(lambda: context.run("say aside"))
        elif key == "t":
            screen.aside(twice)
        elif key == "f1":
            raise LookupError("no such key")
        pressed.append(key)
        screen.redraw()

    async def beside():
        if fails == "beside":
            raise LookupError("no such work")
        await trio.sleep_forever()

    screen = FullScreen(context, draw, press, {"mark": "ansired"})
    await screen.run(beside)
'''


@pytest.fixture
def terminal(prompt, tmp_path):
    """A prompt with the plugin, 80 columns wide."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    Path(folder / "screens.py").write_text(PLUGIN)
    return prompt("screens", environ={"PYTHONPATH": str(folder)})


def test_keys_are_named_and_later_keys_go_to_the_prompt(terminal):
    """Escape by itself, too."""
    terminal.type("show\r")
    terminal.appears("80x30 pressed")
    terminal.type("a\x1b[A\r\t\x7f\x1b[5~\x01")
    terminal.appears("pressed a up enter tab backspace pageup c-a")
    terminal.type("b\x1b")
    terminal.appears("c-a b escape")
    terminal.type("qsay th'i's\r")
    terminal.see("said this")
    terminal.ready()
    assert terminal.leave() == 0


def test_another_program_can_use_the_terminal_for_a_while(terminal):
    """And what it shows is gone when it is done."""
    terminal.type("show\r")
    terminal.appears("80x30 pressed")
    terminal.type("r")
    terminal.see("said aside")
    terminal.appears("80x30 pressed r")
    terminal.type("q")
    terminal.ready()
    assert terminal.leave() == 0


def test_work_requested_meanwhile_comes_next(terminal):
    """It waits for no key."""
    terminal.type("show\r")
    terminal.appears("80x30 pressed")
    terminal.type("t")
    terminal.see("said first")
    terminal.see("said again")
    terminal.appears("80x30 pressed t")
    terminal.type("q")
    terminal.ready()
    assert terminal.leave() == 0


@pytest.mark.parametrize(
    ("options", "keys", "told"),
    [
        ("--fails=drawing", "a", "LookupError: no such picture"),
        ("", "\x1bOP", "LookupError: no such key"),
        ("--fails=beside", "", "LookupError: no such work"),
    ],
)
def test_an_error_is_shown_on_the_normal_screen(terminal, options, keys, told):
    """It names the plugin, and the prompt goes on."""
    terminal.type(f"show {options}\r")
    if keys:
        terminal.appears("80x30 pressed")
        terminal.type(keys)
    terminal.see("\x1b[?1049l")
    terminal.see(told)
    terminal.ready()
    terminal.run("say more", "said more")
    assert terminal.leave() == 0


def test_it_needs_a_terminal(terminal):
    """A job has none, and a pipe is none."""
    terminal.run("show < /dev/null", "show needs a terminal")
    assert terminal.leave() == 0


def test_colours_are_those_for_the_background(terminal):
    """Which the terminal has told the prompt."""
    terminal.type("\x1b]11;rgb:ffff/ffff/ffff\x1b\\show\r")
    terminal.see("38;5;124m pressed")
    terminal.type("q")
    terminal.ready()
    assert terminal.leave() == 0
