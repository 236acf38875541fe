"""A program with the commands of `prompted.py`, and prompts that are opened on them."""

import os
import sys
import termios
from importlib import import_module
from pathlib import Path

import pexpect
import pytest

DEADLINE = 20


@pytest.fixture
def prompted(monkeypatch):
    """The module `prompted.py`, with nothing said or asked yet."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = import_module("prompted")
    module.ANSWERS.clear()
    module.ASKED.clear()
    return module


@pytest.fixture
def beside(prompted):
    """The module `beside.py`."""
    return import_module("beside")


@pytest.fixture
def program(shell, prompted):
    """The program as the prompt gets it; its profile comes from the environment."""
    shell.environ["BACKEND_ENDPOINT"] = "http://127.0.0.1:9"
    shell.add(prompted.Prompted(), "prompted")
    return shell.program()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class Terminal:
    """A prompt on a terminal of its own."""

    def __init__(self, environ, columns=80, tasks=()):
        program = str(Path(__file__).with_name("open_prompt.py"))
        self.child = pexpect.spawn(
            sys.executable,
            ["-W", "error", program, *tasks],
            env={**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", **environ},
            dimensions=(30, columns),
            timeout=DEADLINE,
            encoding="utf-8",
        )
        self.child.delaybeforesend = None
        self.before = termios.tcgetattr(self.child.child_fd)
        self.prompt()

    def prompt(self):
        """Wait for the prompt."""
        self.see("atoll>")

    def type(self, keys):
        """Press keys."""
        self.child.send(keys)

    def clear(self):
        """Drop the line by Ctrl-C, and wait for the next prompt."""
        self.type("\x03")
        # What is dropped is drawn once more; only then is bracketed paste turned off.
        self.see("\x1b[?2004l")
        self.prompt()

    def see(self, text):
        """Wait until this is shown; returns what was shown before it."""
        self.child.expect_exact(text)
        return self.child.before

    def press_until(self, keys, text):
        """Press keys again and again until this is shown."""
        for _ in range(DEADLINE * 2):
            self.type(keys)
            if self.child.expect_exact([text, pexpect.TIMEOUT], timeout=0.5) == 0:
                return
        pytest.fail(f"{text!r} was not shown")

    def run(self, line, shown):
        """Run a line, wait for what it shows, and for the prompt."""
        self.type(line + "\r")
        self.see(shown)
        self.prompt()

    def leave(self):
        """Wait for the end; returns the exit code. The terminal is found as it was left."""
        self.child.expect(pexpect.EOF)
        assert termios.tcgetattr(self.child.child_fd)[:4] == self.before[:4]
        self.child.close()
        return self.child.exitstatus


@pytest.fixture
def open_prompt(home):
    """Open prompts, which are closed at the end; `tasks` bring the plugin of `beside.py` along."""
    opened = []

    def open_one(columns=80, tasks=(), **environ):
        environ = {"BACKEND_ENDPOINT": "http://127.0.0.1:9", **environ}
        opened.append(Terminal(environ, columns, tasks))
        return opened[-1]

    yield open_one
    for one in opened:
        one.child.close(force=True)
