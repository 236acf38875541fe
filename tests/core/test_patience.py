"""Clusters that take their time: whom a command waits for, and for how long."""

import pytest
import trio

import atoll_rest
import atoll_sessions
from atoll.testing import Shell

KEYS = {"BACKEND_ACCESS_KEY": "AK", "BACKEND_SECRET_KEY": "SK"}


@pytest.fixture
def facing(shell, serve, monkeypatch):
    """Return the function that runs lines in the face of a server that says nothing for a time."""

    async def run(lines, *, silence, patience=None):
        async def handler(_seen, _stream):
            await trio.sleep(silence)

        async with serve(handler) as server:
            shell.environ = {"BACKEND_ENDPOINT": server.url, **KEYS}
            shell.add(atoll_rest, "rest")
            shell.add(atoll_sessions, "sessions")
            program = shell.program()
            program.settings.timeout = patience
            monkeypatch.setattr(Shell, "program", lambda _self: program)
            with trio.fail_after(60):
                return server.url, await shell.run(lines, keep_going=True)

    return run


async def test_a_silent_cluster_is_named_on_standard_error_alone(facing, monkeypatch):
    monkeypatch.setattr("atoll._api.slow_answers._SLOW", 0.1)
    url, result = await facing("ps --output json\n", silence=60, patience=2.5)
    assert result.stdout == ""
    told = f"waiting for {url} to answer …\natoll: line 1: it took longer than the 2.5 s of"
    assert result.stderr.startswith(told)
    assert result.code == 124


async def test_a_quick_failure_says_nothing_of_waiting(facing):
    _, result = await facing("ps\n", silence=0)
    assert "waiting" not in result.stderr
    assert result.code == 3


async def test_each_line_of_a_script_has_its_own_time(facing):
    _, result = await facing("ps\nprofile list\ninfo x\n", silence=60, patience=0.3)
    assert [told[:14] for told in result.stderr.splitlines()] == [
        "atoll: line 1:",
        "atoll: line 3:",
    ]
    assert result.code == 124
