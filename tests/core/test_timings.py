"""What `--timings` tells: parts of the start, plugins by name, requests of each command."""

import os
import re
import subprocess
import sys

import pytest

from atoll._timings import Ledger

ATOLL = [sys.executable, "-m", "atoll"]
PLUGIN = """
import time
from atoll import Command, hookimpl

time.sleep(0.4)


@hookimpl
def atoll_commands():
    yield Command("greet", "Greet", "molasses_commands:greet")
"""
COMMANDS = """
import click


@click.command()
async def greet(context):
    "Greet."
    context.output.note("hello")
"""


@pytest.fixture
def molasses(tmp_path):
    """An environment in which a plugin is installed that takes its time."""
    info = tmp_path / "atoll_molasses-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: atoll-molasses\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[atoll.plugins]\nmolasses = molasses\n")
    (tmp_path / "molasses.py").write_text(PLUGIN)
    (tmp_path / "molasses_commands.py").write_text(COMMANDS)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ATOLL_", "BACKEND_"))}
    return {**kept, "PYTHONPATH": str(tmp_path), "ATOLL_HOME": str(tmp_path / "home")}


def told(environ, *words):
    """Run the program; returns its standard output, and the rows that it told, by their titles."""
    done = subprocess.run([*ATOLL, *words], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    sections, rows = {}, {}
    for line in done.stderr.splitlines():
        if found := re.fullmatch(r"( *)(.*?) +(\d+\.\d{3}) s(  slow)?", line):
            indent, name, seconds, slow = found.groups()
            rows = sections.setdefault(name, {}) if not indent else rows
            rows[name] = (float(seconds), bool(slow))
    return done.stdout, sections


def test_a_slow_plugin_is_named(molasses):
    """At the start, with what it takes; the command has a section of its own."""
    _, sections = told(molasses, "--timings", "greet")
    seconds, is_slow = sections["start"]["plugin 'molasses' (atoll-molasses 1.0)"]
    assert is_slow
    assert 0.4 <= seconds <= sections["start"]["start"][0]
    assert list(sections) == ["start", "greet"]


def test_each_line_of_a_script_has_its_own(molasses):
    out, sections = told(molasses, "--timings", "-c", "greet; profile list --output json")
    assert list(sections) == ["start", "greet", "profile"]
    assert out.startswith("[")


def test_nothing_is_printed_without_timings(molasses):
    _, sections = told(molasses, "greet")
    assert sections == {}


async def test_requests_are_listed(molasses, serve, answer):
    """By method and path, and how often each was sent."""
    import trio

    async def handler(seen, stream):
        body = b'{"version": "v7.20230615", "manager": "23.09"}'
        if seen.target != "/":
            body = b'{"data": {"compute_session_list": {"items": [], "total_count": 0}}}'
        await stream.send_all(answer(body))
        return True

    async with serve(handler) as server:
        keys = {"BACKEND_ACCESS_KEY": "a", "BACKEND_SECRET_KEY": "s"}
        environ = {**molasses, "BACKEND_ENDPOINT": server.url, **keys}
        _, sections = await trio.to_thread.run_sync(told, environ, "--timings", "ps")
    assert {"GET /", "POST /admin/gql"} <= sections["ps"].keys()


def test_a_quick_request_is_listed():
    """A near cluster answers within a millisecond; only of imports are so quick ones left out."""
    ledger = Ledger()
    ledger.add("POST /admin/gql", 0.0002, always=True)
    ledger.add("POST /admin/gql", 0.0006, always=True)
    ledger.add("plugin 'quick' (atoll 1.0)", 0.0002)
    lines = [line.split() for line in ledger.lines("ps", 0.01)]
    assert lines == [
        ["ps", "0.010", "s"],
        ["POST", "/admin/gql", "(2", "times)", "0.001", "s"],
    ]


def test_secrets_are_not_shown_in_timings(molasses):
    words = ["profile", "add", "lab", "--endpoint", "http://127.0.0.1:9", "--access-key", "AKEY"]
    done = subprocess.run(
        [*ATOLL, "--timings", *words, "--secret-key", "hidden"],
        env=molasses,
        capture_output=True,
        text=True,
    )
    assert "profile" in done.stderr
    assert "hidden" not in done.stderr + done.stdout
