"""The official SDK, call by call: no call fails here that a Backend.AI cluster lets pass."""

import json
import runpy
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

SDK = Path(__file__).parent / "sdk"
TABLE = runpy.run_path(str(SDK / "calls.py"))
_DEADLINE = 300


@pytest.fixture(scope="module")
def client(clients):
    """The one release whose SDK the table is written for."""
    return next(one for one in clients if one.release == "23.9.10")


@pytest.fixture(scope="module")
def outcomes(command, tmp_path_factory, image):
    """Return the function that makes all calls; it gives the errors by the names of the calls."""

    def make(cluster, kind):
        folder = tmp_path_factory.mktemp("sdk")
        done = subprocess.run(
            [command.with_name("python"), SDK, kind, image, folder],
            capture_output=True,
            cwd=folder,
            env={"HOME": str(folder), "LANG": "C.UTF-8", **cluster.environ},
            timeout=_DEADLINE,
        )
        lines = [line for line in done.stdout.decode().splitlines() if line.startswith('["')]
        told = dict(map(json.loads, lines))
        assert list(told) == list(TABLE["CALLS"]), done.stderr.decode()[-2000:]
        return {name: error for name, error in told.items() if error}

    return make


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_all_that_should_pass_passes(outcomes, embedded, kind):
    failed = outcomes(embedded, kind)
    wrong = {name: failed.get(name, "it passed") for name in failed.keys() ^ TABLE["REFUSED"]}
    assert not wrong


def test_nothing_fails_that_passes_elsewhere(outcomes, embedded, endpoint):
    here, there = outcomes(embedded, "async"), outcomes(endpoint, "async")
    assert {name: here[name] for name in here.keys() - there.keys()} == {}
