"""Prompts that keep their profile, whatever is done in other windows."""

import subprocess
import sys
from pathlib import Path

import pytest

from atoll.testing import Prompt

ATOLL = str(Path(sys.executable).with_name("atoll"))


def atoll(*words):
    """Do something in another window."""
    subprocess.run([ATOLL, *words], check=True, capture_output=True, timeout=60)


@pytest.fixture
def window(home):
    """Open windows on the profiles `lab`, which is in use, and `other`; nothing answers there."""
    for name, port in (("lab", 9), ("other", 8)):
        atoll("profile", "add", name, "--endpoint", f"http://127.0.0.1:{port}", "--color", "green")
    atoll("profile", "use", "lab")
    opened = []

    def open_one(**environ):
        command = [ATOLL, "--no-plugins"]
        environ = {"PROMPT_TOOLKIT_NO_CPR": "1", **environ}
        opened.append(Prompt.open(command, environ, columns=120))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def test_profile_changes_in_another_window(window):
    """What one does turns the other nowhere, and is told there above the line that is typed."""
    first, second = window(), window()
    assert first.shown().endswith("\nlab atoll>") or "\nlab atoll>" in first.shown()

    second.type("profile test")
    first.run("profile use other", "profile other is in use")
    second.appears("profile other was put in use elsewhere; here it is still lab")
    second.type("\r")
    second.see("can't connect to http://127.0.0.1:9")
    second.ready()
    first.run("profile test", "can't connect to http://127.0.0.1:8")

    first.run("profile add lab --endpoint http://127.0.0.1:7", "is saved")
    second.appears("profile lab was changed elsewhere; here it stays as it was")
    second.run("profile test", "can't connect to http://127.0.0.1:9")
    second.run("use lab; profile test", "can't connect to http://127.0.0.1:7")

    first.run("profile remove lab", "is removed")
    second.appears("profile lab was removed elsewhere")
    second.run("profile test", "can't connect to http://127.0.0.1:7")
    second.run("use other; profile test", "can't connect to http://127.0.0.1:8")
    assert "\nother atoll>" in second.shown()


def test_the_profile_is_shown_in_its_color(window):
    """In none where the user wants none; one that is no color is told once."""
    terminal = window()
    drawn = terminal.screen.buffer[terminal.screen.cursor.y][0]
    assert (drawn.data, drawn.fg, drawn.bold) == ("l", "green", True)
    plain = window(NO_COLOR="1")
    assert plain.screen.buffer[plain.screen.cursor.y][0].fg == "default"
    atoll("profile", "add", "lab", "--endpoint", "http://127.0.0.1:9", "--color", "#ff8800")
    terminal = window()
    assert terminal.screen.buffer[terminal.screen.cursor.y][0].fg != "default"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_prompt_opens_with_invalid_files(window, home, term):
    """And says in a line what is wrong; another profile is a word away."""
    (home / "config" / "current-profile").write_bytes(b"\xff\xff")
    profile = home / "config" / "profiles" / "other.yaml"
    profile.write_text(profile.read_text().replace("green", "gren"))

    terminal = window(TERM=term)

    assert "current-profile is not in UTF-8 (atoll profile use NAME chooses one)" in (
        terminal.shown().replace("\n", "")
    )
    terminal.run("use other", "'gren' is not a color (did you mean green")
    terminal.run("profile test", "can't connect to http://127.0.0.1:8")
