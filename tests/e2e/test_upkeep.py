"""What the embedded cluster could not do: put aside, told, tried again, removed."""

import json

import pytest


def data_of(atoll):
    return atoll.home / "data" / "local"


def status(atoll):
    told = atoll.run("local", "status", "--output", "json")
    return json.loads(told.stdout)["put_aside"], told.stderr


@pytest.fixture
def crashed(atoll):
    """A cluster that was killed, and has lost what the store knew of a folder and of a kernel."""
    assert atoll.run("local", "up").returncode == 0
    atoll.kill_cluster()
    for lost in ("storage/folders/lost", "kernels/lost/home"):
        (data_of(atoll) / lost).mkdir(parents=True)
        (data_of(atoll) / lost / "work.txt").write_text("of a whole day")
    return atoll


def test_what_nobody_knows_is_kept_until_a_person_says_otherwise(crashed):
    assert status(crashed)[0] == 0
    assert crashed.run("ps").returncode == 0
    count, told = status(crashed)
    assert count == 2
    assert "put aside: folder lost: its owner is unknown" in told
    again = crashed.run("local", "repair")
    assert (again.returncode, "kernel folder lost" in again.stderr) == (1, True)
    assert crashed.run("local", "repair", "--remove").returncode == 2  # nobody can be asked
    assert crashed.run("local", "down").returncode == 0
    assert status(crashed)[0] == 2
    removed = crashed.run("local", "repair", "--remove", "--yes")
    assert (removed.returncode, removed.stdout) == (0, "")
    assert "folder lost: removed" in removed.stderr
    assert status(crashed) == (0, "")
    assert not (data_of(crashed) / "storage" / "folders" / "lost").exists()
    assert not (data_of(crashed) / "kernels" / "lost").exists()
    assert "nothing is put aside" in crashed.run("local", "repair").stderr


def test_how_a_program_ended_is_told_by_the_next_one(crashed):
    (data_of(crashed) / "log" / "start.log").write_text("Fatal Python error: none really\n")
    assert crashed.run("local", "up").returncode == 0
    told = crashed.run("local", "logs").stdout
    assert "the last program did not shut down" in told
    assert "Fatal Python error: none really" in told


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"what": "folder"}]', "[" * 100_000, "\0"])
def test_a_damaged_list_of_what_is_put_aside_is_an_empty_one(atoll, content):
    data_of(atoll).mkdir(parents=True)
    (data_of(atoll) / "put-aside.json").write_text(content)
    assert status(atoll)[0] == 0
