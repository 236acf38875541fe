"""A program with the commands of `prompted.py`, for a prompt to be opened on."""

from importlib import import_module
from pathlib import Path

import pytest


@pytest.fixture
def prompted(monkeypatch):
    """The module `prompted.py`, with nothing said or asked yet."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = import_module("prompted")
    module.ANSWERS.clear()
    module.ASKED.clear()
    return module


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
