"""What atoll.testing gives the tests of plugins."""

from importlib import import_module
from pathlib import Path

import pytest

from atoll import ShellState


@pytest.fixture
def prompted(monkeypatch):
    """The name of a plugin's module, which can be imported."""
    folder = str(Path(__file__).parent / "shell")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", folder)
    return "prompted:Prompted"


async def test_completion_returns_what_tab_offers(shell):
    shell.load("sessions")
    assert await shell.complete("ps --st") == ["--status"]
    assert "ps" in await shell.complete("p")


async def test_completion_asks_the_plugin_for_names(shell, prompted):
    shell.load("rest")
    shell.environ["BACKEND_ENDPOINT"] = "http://127.0.0.1:9"
    shell.add(import_module("prompted").Prompted(), "prompted")
    assert await shell.complete("thing show al") == ["alpha"]


def test_a_plugin_that_is_not_installed_is_named(shell):
    with pytest.raises(LookupError, match=r"no plugin nothing is installed: .*sessions"):
        shell.load("nothing")


def test_the_toolbar_shows_the_state_that_is_given(shell):
    assert shell.toolbar(ShellState(profile_name="lab", last_code=3)).startswith("lab")
    assert len(shell.toolbar(ShellState(profile_name="lab"), width=2)) <= 2


def test_a_prompt_has_the_plugins_that_are_named(prompt, prompted):
    terminal = prompt(prompted, environ={"BACKEND_ENDPOINT": "http://127.0.0.1:9"})
    terminal.run("echo hel'lo'", "hello")
    # A segment of the toolbar that fails may be told of below.
    assert "atoll> echo hel'lo'\nhello\n" in terminal.shown()
    terminal.type("thi\t")
    terminal.see("ng")
    terminal.clear()
    assert terminal.leave() == 0


async def test_a_cluster_of_its_own(shell, cluster):
    shell.load("rest", "sessions")
    shell.environ |= cluster.environ
    cluster.run("start", "-t", "mine", "python")
    result = await shell.run("ps --output csv -f name")
    assert result.stdout == "name\nmine\n"
    with pytest.raises(AssertionError, match="exit code 5"):
        cluster.run("info", "no-such-session")
