"""While the cluster's database is locked, commands wait, and say so; then they do what they do."""

import json

import pytest
from tests.contrib.locks import locked

COMMANDS = {
    "make a folder": ["vfolder", "create", "made"],
    "end a session": ["rm", "ended"],
    "write a setting": ["admin", "etcd", "set", "some/key", "value", "--yes"],
    "change by GraphQL": ["admin", "domain", "add", "made"],
}


def names(atoll, *command):
    return [one["name"] for one in json.loads(atoll.run(*command, "--output", "json").stdout)]


@pytest.fixture
def cluster(shared):
    if "ended" not in shared.run("ps", "--name-only").stdout:
        assert shared.run("start", "-t", "ended", "python").returncode == 0
    return shared


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_waits_and_does_it_once(cluster, command):
    with locked(cluster.home / "data" / "local" / "cluster.sqlite3"):
        process = cluster.start(*command)
        told = process.stderr.readline()
        assert process.poll() is None
    _, more = process.communicate(timeout=60)
    assert (process.returncode, "locked by another program" in told) == (0, True), told + more
    assert told.endswith("; waiting\n")
    assert "Traceback" not in more


def test_each_thing_was_done_once(cluster):
    assert names(cluster, "vfolder", "list") == ["made"]
    assert "made" in names(cluster, "admin", "domains")
    assert cluster.run("admin", "etcd", "get", "some/key").stdout == "value\n"


def test_what_reads_does_not_wait(cluster):
    with locked(cluster.home / "data" / "local" / "cluster.sqlite3"):
        for command in (["ps"], ["vfolder", "list"], ["admin", "users"], ["info", "ended"]):
            done = cluster.run(*command, timeout=60)
            assert (done.returncode, done.stderr) == (0, ""), command
