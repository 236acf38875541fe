"""The prompt while things happen on the cluster: what it says above the line, and below."""

import os

import pytest

from atoll.testing import Prompt

CTRL_C = "\x03"


@pytest.fixture
def terminal(shared):
    """The prompt on a running cluster."""
    assert shared.run("ps").returncode == 0
    one = Prompt.open([str(shared.program())], {**shared.environ(), "TERM": "xterm"}, columns=100)
    yield one
    one.close()


@pytest.fixture
def name():
    """A name that no other session has."""
    return f"live-{os.urandom(3).hex()}"


@pytest.mark.slow
def test_what_happens_while_one_types(terminal, shared, name):
    """Sessions that start and end elsewhere are told above the line, which stays as it is."""
    terminal.appears("0 running")
    terminal.type("histo'r'y -n 1")
    shared.run("start", "-t", name, "python")
    terminal.appears(f"session {name} runs")
    terminal.appears("1 running")
    shared.run("rm", name)
    terminal.appears(f"session {name} has ended (user-requested)")
    terminal.appears("0 running")
    assert "atoll> histo'r'y -n 1" in terminal.shown()
    terminal.clear()
    assert terminal.leave() == 0


@pytest.mark.slow
def test_what_this_prompt_has_done_is_not_told(terminal, name):
    """Once is enough: by the command itself."""
    terminal.appears("0 running")
    terminal.run(f"start -t {name} python", f"session {name} is ready")
    terminal.appears("1 running")
    terminal.run(f"rm {name}", f"session {name} is terminated")
    terminal.appears("0 running")
    terminal.run(f"start --type batch -t {name}b -c true python", f"session {name}b")
    terminal.appears(f"session {name}b has done its job")
    said = terminal.shown()
    assert f"session {name} runs" not in said
    assert f"session {name} has ended" not in said
    assert terminal.leave() == 0
