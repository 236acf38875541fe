"""An option that a third party adds to `start`: it knows its value, and the session started."""

import pytest

HOOKS = """
from atoll import Option, hookimpl


@hookimpl
def atoll_options():
    yield Option(["start", "run"], "noting_options:note", around="noting_options:noting")
"""
OPTIONS = """
from contextlib import asynccontextmanager
from pathlib import Path

import click
from atoll_sessions.api import started

note = click.Option(["--note"], metavar="TEXT", help="What it is for.")


@asynccontextmanager
async def noting(context, text):
    yield
    for session in started(context):
        context.output.note(f"noted: {session.name} is {session.status}: {text}")
"""


@pytest.fixture
def noting(tmp_path, monkeypatch):
    """Install the plugin, as pip would."""
    info = tmp_path / "atoll_noting-2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: atoll-noting\nVersion: 2\n")
    (info / "entry_points.txt").write_text("[atoll.plugins]\nnoting = noting\n")
    (tmp_path / "noting.py").write_text(HOOKS)
    (tmp_path / "noting_options.py").write_text(OPTIONS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_it_sees_the_session(noting, shared):
    """As one command, in a script, and for another command; help and Tab tell whose it is."""
    one = shared.run("start", "--note", "first try", "-t", "mine", "python")
    script = shared.run("-c", "start --note again -t mine python\nps --note x")
    run = shared.run("run", "--rm", "--note=third", "-t", "other", "-c", "print(5)", "python")
    plain = shared.run("start", "-t", "mine", "python")
    offered = shared.run("completion", "answer", "--", "start", "--not")
    shared.run("rm", "mine")

    assert (one.returncode, one.stderr.count("noted: mine is RUNNING: first try")) == (0, 1)
    assert "noted: mine is RUNNING: again" in script.stderr
    assert "line 2: ps: no such option '--note'" in script.stderr
    assert (run.stdout, "noted: other is RUNNING: third" in run.stderr) == ("5\n", True)
    assert (plain.returncode, "noted" in plain.stderr) == (0, False)
    assert "What it is for. (plugin noting)" in " ".join(shared.run("start", "-h").stdout.split())
    assert offered.stdout == "--note\tWhat it is for. (plugin noting)\n"
