"""The official SDK, call by call: no call fails here that a Backend.AI cluster lets pass."""

import json
import runpy
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

SDK = Path(__file__).parent / "sdk"
SHAPES = Path(__file__).parents[1] / "recorded" / "sdk-23.09.json"
"""What the calls return at a cluster of 23.09: names, and kinds of values."""
TABLE = runpy.run_path(str(SDK / "calls.py"))
_DEADLINE = 300


@pytest.fixture(scope="module")
def client(clients):
    """The one release whose SDK the table is written for."""
    return next(one for one in clients if one.release == "23.9.10")


@pytest.fixture(scope="module")
def outcomes(command, tmp_path_factory, image):
    """Return the function that makes all calls.

    It gives the errors, and the shapes of what was returned, by the names of the calls.
    """

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
        told = [json.loads(line) for line in lines]
        assert [name for name, *_ in told] == list(TABLE["CALLS"]), done.stderr.decode()[-2000:]
        errors = {name: error for name, error, _ in told if error}
        return errors, {name: shape for name, _, shape in told}

    return make


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_all_that_should_pass_passes(outcomes, embedded, kind):
    failed, _ = outcomes(embedded, kind)
    wrong = {name: failed.get(name, "it passed") for name in failed.keys() ^ TABLE["REFUSED"]}
    assert not wrong


ABSENT = {
    "session destroy.stats.net_rx": "the network is the machine's",
    "session destroy.stats.net_tx": "the network is the machine's",
}


def lacks(theirs, ours, where):
    """Yield what is missing in a shape, or of another kind; nothing may stand for anything."""
    if theirs in ("nothing", "") or ours in ("nothing", "") or where in ABSENT:
        return
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name, inner in theirs.items():
            if name in ours:
                yield from lacks(inner, ours[name], f"{where}.{name}")
            elif f"{where}.{name}" not in ABSENT:
                yield f"{where}.{name} is missing"
    elif isinstance(theirs, list) and isinstance(ours, list):
        if theirs and ours:
            yield from lacks(theirs[0], ours[0], f"{where}[]")
    elif theirs != ours:
        yield f"{where}: {theirs} became {ours}"


def test_what_is_returned_has_all_that_it_has_elsewhere(outcomes, embedded):
    _, shapes = outcomes(embedded, "async")
    recorded = json.loads(SHAPES.read_text())
    assert [
        missing for name, shape in recorded.items() for missing in lacks(shape, shapes[name], name)
    ] == []


def test_nothing_fails_that_passes_elsewhere(outcomes, embedded, endpoint):
    (here, _), (there, _) = outcomes(embedded, "async"), outcomes(endpoint, "async")
    assert {name: here[name] for name in here.keys() - there.keys()} == {}
