"""`doctor` on a site: what sessions stand on there, from a laptop and on the login node."""

import json

import pytest

ATOLL = "~/.local/share/atoll/host/current/bin/atoll"
SLURM = {
    "slurm": "its controller answers",
    "partition debug": "at most 00:10:00",
    "partition long": "512 MB a CPU",
    "accounting": "",
    "python on nodes": "is 3.",
    "shared home": "new files of the home at once",
    "sandbox on nodes": "bubblewrap",
    "logging out": "",
}
WAY = {"ssh": "runs commands", "forwarding": "", "ssh sessions": "at a time", "atoll there": "0."}


def findings(text):
    return {one["check"]: one for one in json.loads(text)}


def check(found, wanted):
    for name, told in wanted.items():
        assert told in found[name]["detail"], found[name]
        assert found[name]["status"] in {"ok", "absent"}, found[name]


def test_the_connection_to_the_site_is_checked_step_by_step(lab):
    found = findings(lab.must("doctor --output json"))
    check(found, WAY | SLURM)
    assert {found[name]["status"] for name in ("keys", "websocket", "jupyter")} == {"ok"}
    assert "memory limit" not in found  # This machine runs none of these sessions.


@pytest.mark.usefixtures("lab")
def test_the_site_runs_its_own_checks(laptop):
    check(findings(laptop.ssh(f"{ATOLL} doctor --output json")), SLURM)
    assert not laptop.ssh("ls ~/.local/share/atoll/local | grep ^doctor- || true")


def test_an_unknown_partition_is_named(lab):
    lab.ssh(f"{ATOLL} local down; {ATOLL} local up --engine slurm --set partition=nope")
    try:
        ran = lab.run("doctor --output json")
        assert ran.returncode == 1
        found = findings(ran.stdout)["partitions"]
        assert "the setting partition is nope" in found["detail"]
        assert found["hint"] == "there are debug, long"
    finally:
        lab.ssh(f"{ATOLL} local down; {ATOLL} local up --set partition=; {ATOLL} local down")
