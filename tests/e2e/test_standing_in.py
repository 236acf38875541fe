"""Called by the name of Backend.AI's own client: what scripts written for that one find."""

import json
from itertools import product

import pexpect
import pytest

pytestmark = pytest.mark.slow

HEAD = ["count", "total_count", "items"]


@pytest.fixture
def run(shared):
    """Run a line by the client's name; it must succeed and say nothing beside. Returns its JSON."""

    def run(line, stdin=""):
        done = shared.run("--output=json", *line.split(), program="backend.ai", stdin=stdin)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    # The first command of all starts the cluster, and says so.
    shared.run("local", "up")
    return run


def test_lists_are_counted(run):
    for line in ("ps", "admin domain list", "vfolder list", "dotfile list", "admin image list"):
        told = run(line)
        assert list(told) == HEAD
        assert told["count"] == told["total_count"] == len(told["items"])


def test_a_part_of_a_list_tells_of_the_whole(run):
    told = run("admin keypair list --limit 1")
    assert told["count"] == 1 == len(told["items"])
    assert told["total_count"] > 1


def test_one_thing_is_a_list_of_one(run):
    told = run("admin domain info default")
    assert list(told) == HEAD
    [domain] = told["items"]
    # That client leaves the one as JSON inside JSON, and not the other.
    assert isinstance(json.loads(domain["allowed_vfolder_hosts"]), dict)
    assert isinstance(domain["total_resource_slots"], dict)


def test_sessions_go_by_the_clients_names(run):
    started = run("start -t counted -r cpu=1 -r mem=256m python")
    assert started["ok"] is True
    assert started["msg"].startswith("Session ID counted is created and ready. ")
    [session] = run("ps")["items"]
    assert session["name"] == "counted"
    assert session["session_id"] == started["session"]["session_id"]
    assert {"main_kernel_id", "status_changed", "group_name"} <= session.keys()
    assert run("rm counted") == {"ok": True, "msg": "Done. (session counted is terminated)"}
    assert run("ps")["items"] == []


def test_what_is_made_and_changed(run):
    made = run("admin domain add counted -d x")
    assert made["ok"] is True
    assert made["domain"]["name"] == "counted"
    changed = run("admin domain update counted --description y")
    assert changed == {"ok": True, "msg": changed["msg"], "name": "counted"}
    assert run("admin domain purge counted", stdin="y\n")["ok"] is True


def test_keys_stand_beside_the_keypair(run):
    made = run("admin keypair add admin@atoll.local default")
    assert made["keypair"]["secret_key"] == made["secret_key"]
    # Nobody asks: that client does not.
    gone = run(f"admin keypair delete {made['access_key']}")
    assert (gone["ok"], gone["access_key"]) == (True, made["access_key"])


def test_a_change_that_fails(shared, run):
    done = shared.run("--output=json", "admin", "keypair", "delete", "AKIAX", program="backend.ai")
    assert done.returncode == 5
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert (told["item_name"], told["action_name"]) == ("keypair", "deletion")
    assert "AKIAX" in told["msg"]
    assert done.stderr.startswith("atoll: there is no keypair")


def test_something_that_is_not_there(shared, run):
    done = shared.run("--output=json", "info", "nosuch", program="backend.ai")
    assert done.returncode == 5
    assert "nosuch" in json.loads(done.stdout)["error"]


def test_one_terminal_shows_json_alone(shared, run):
    """As a script sees it that reads both streams at once."""
    arguments = ["--output=json", "admin", "keypair", "delete", "AKIAX"]
    child = pexpect.spawn(
        str(shared.program("backend.ai")), arguments, env=shared.environ(), encoding="utf-8"
    )
    child.expect(pexpect.EOF)
    assert json.loads(child.before)["ok"] is False


def test_what_that_client_asks_is_asked(shared, run):
    run("admin domain add asked")
    line = ("admin", "domain", "purge", "asked")
    unheard = shared.run(*line, program="backend.ai")
    assert unheard.returncode == 2
    assert "this needs an answer: Delete domain asked permanently?" in unheard.stderr
    refused = shared.run(*line, program="backend.ai", stdin="n\n")
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    # By our own name nothing is taken from a pipe.
    assert shared.run(*line, stdin="y\n").returncode == 2
    assert shared.run(*line, program="backend.ai", stdin="y\n").returncode == 0


def test_the_words_of_that_client(shared, run):
    for line, words in (
        ("vfolder create worded", 'Virtual folder "worded" is created. '),
        ("vfolder rename worded wordy", "Renamed. "),
        ("vfolder delete wordy", "Deleted. "),
    ):
        done = shared.run(*line.split(), program="backend.ai")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith(words)


def test_a_setting_decides(shared, run, monkeypatch):
    (shared.home / "config").mkdir(exist_ok=True)
    config = shared.home / "config" / "config.yaml"
    line = ("--output=json", "admin", "domains")
    try:
        config.write_text("behave_as: backend.ai\n")
        assert list(json.loads(shared.run(*line).stdout)) == HEAD
        config.write_text("behave_as: atoll\n")
        assert isinstance(json.loads(shared.run(*line, program="backend.ai").stdout), list)
    finally:
        config.unlink()
    assert isinstance(json.loads(shared.run(*line).stdout), list)


def test_json_of_our_own_by_its_name(shared, run):
    assert list(json.loads(shared.run("--output", "envelope", "ps").stdout)) == HEAD
    console = shared.run("--output=console", "admin", "domains", program="backend.ai")
    assert console.stdout.startswith("Name ")


def test_nothing_is_paged_for_programs(shared, run, tmp_path):
    """On a terminal, by either name: the table alone goes through a pager."""
    marker, pager = tmp_path / "paged", tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    pager.chmod(0o700)
    refusal = shared.run("--output", "nope", "ps").stderr
    formats = refusal.partition("one of ")[2].rstrip(")\n").split(", ")
    assert len(formats) >= 8
    paged = set()
    for name, program in product(formats, ("atoll", "backend.ai")):
        child = pexpect.spawn(
            str(shared.program(program)),
            ["--output", name, "admin", "images"],
            env={**shared.environ(), "PAGER": str(pager), "TERM": "xterm"},
        )
        child.expect(pexpect.EOF)
        assert child.before
        if marker.exists():
            paged.add(name)
            marker.unlink()
    assert paged == {"table", "console"}
