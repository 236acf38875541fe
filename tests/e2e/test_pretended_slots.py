"""`atoll local up --slots`: trying what asks for more than this machine has."""

import json
import shlex

import pytest

WISH = ["-r", "cpu=40", "-r", "mem=8g", "-r", "cuda.shares=2"]


def test_the_refusal_names_the_command_that_helps(atoll):
    """The accelerator line of the document, on a fresh install."""
    refused = atoll.run("start", "-t", "trainer", *WISH, "python")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 2, refused.stderr  # that the cluster starts, and why not
    advice = refused.stderr.partition("to simulate more: ")[2]
    for line in advice.strip().split(", then "):
        done = atoll.run(*shlex.split(line)[1:])
        assert done.returncode == 0, done.stderr
    assert "it simulates cpu 40, cuda.shares 2" in done.stderr
    started = atoll.run("start", "-t", "trainer", *WISH, "python")
    assert started.returncode == 0, started.stderr
    assert "simulates part of these slots: cpu, cuda.shares" in started.stderr
    plain = atoll.run("start", "-t", "modest", "python", "--enqueue-only")
    assert "simulates" not in plain.stderr, plain.stderr
    too_many = atoll.run("start", "-r", "cpu=50", "python")
    assert "atoll local up --slots cpu=50,cuda.shares=2" in too_many.stderr
    assert atoll.run("local", "up", "--slots", "cpu=3").returncode == 1
    assert json.loads(atoll.run("local", "status", "--output", "json").stdout)["pretended"]
    atoll.run("local", "down")
    again = atoll.run("ps")
    assert "it simulates cpu 40, cuda.shares 2" in again.stderr
    atoll.run("local", "down")
    assert "simulates" not in atoll.run("local", "up", "--slots", "none").stderr


@pytest.mark.parametrize(
    "slots",
    ["", " ", "x", "cpu", "cpu=", "cpu=0", "cpu=1.5", "cpu=-1", "foo=3", "cuda=1", "mem=lots",
     "mem=0", "cuda.shares=a", "cpu=999999999999", "cuda.shares=1,cpu=²", "=4"],
)  # fmt: skip
def test_senseless_slots_are_refused_in_a_line(atoll, slots):
    refused = atoll.run("local", "up", "--slots", slots)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert refused.stderr.startswith("atoll: --slots: ")
