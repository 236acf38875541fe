"""What is kept of the official client's requests is what it asks for."""

import json
import runpy
import shlex
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

RECORDED = Path(__file__).parents[1] / "recorded"
RECORDER = runpy.run_path(str(RECORDED / "recorder.py"))
THEIRS = json.loads((RECORDED / "requests-23.09.json").read_text())


@pytest.fixture(scope="module")
def client(clients):
    """The release that they were recorded of."""
    return next(one for one in clients if one.release == "23.9.10")


@pytest.mark.parametrize("line", THEIRS)
def test_the_client_asks_for_this(command, make_program, line):
    with RECORDER["recording"]() as (endpoint, seen):
        official = make_program(command, **RECORDER["environ"](endpoint))
        official.home.mkdir()
        for name, content in RECORDER["FILES"].items():
            (official.home / name).write_text(content)
        official(*shlex.split(line), stdin="y\n" * 3)
        assert in_order(seen) == in_order(THEIRS[line])


def in_order(requests):
    """Sort what the client has in no order of its own."""
    for one in requests:
        one["given"].get("config", {}).get("mounts", []).sort()
    return requests
