"""A program with the commands of `prompted.py`, and prompts that are opened on them."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

NO_TOOLBAR = {"PROMPT_TOOLKIT_NO_CPR": "1"}
"""Nobody reads, and answers the terminal's questions, while a test does something else."""


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


@pytest.fixture
def open_prompt(home):
    """Open prompts, which are closed at the end; `tasks` bring the plugin of `beside.py` along."""
    # Here, because pytest must be the first to import its plugins.
    from atoll.testing import Prompt

    opened = []

    def open_one(columns=80, tasks=(), **environ):
        environ = {**NO_TOOLBAR, "BACKEND_ENDPOINT": "http://127.0.0.1:9", **environ}
        program = str(Path(__file__).with_name("open_prompt.py"))
        command = [sys.executable, "-W", "error", program, *tasks]
        opened.append(Prompt.open(command, environ, columns=columns))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
