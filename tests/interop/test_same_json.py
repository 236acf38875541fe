"""The JSON of our program under the name `backend.ai`, beside that of the client of 23.09."""

import json

import pytest

pytestmark = pytest.mark.interop

LINES = """
ps
session list
session list --dead --limit 3
admin session list
vfolder list
admin agent list
admin domain list
admin group list
admin user list --limit 2
admin keypair list --limit 2
admin image list
admin image list --operation
admin keypair-resource-policy list
admin scaling-group list
admin storage list
admin vfolder list
admin domain info default
admin group info default
admin user info
admin keypair info
admin scaling-group info default
admin storage info local:volume1
admin keypair-resource-policy info default
"""
# What has changed from one request to the next.
CHANGING = {
    "status",
    "status_info",
    "status_changed",
    "cpu_cur_pct",
    "mem_cur_bytes",
    "last_used",
    "occupied_slots",
    "usage",
}
_TRIES = 4
"""Others may change the cluster between the two requests; what differs each time differs indeed."""


@pytest.fixture(scope="module")
def programs(cluster, client_of_23, place_program, tmp_path_factory):
    """Theirs and ours, facing the same cluster."""
    home = tmp_path_factory.mktemp("same")
    return [place_program(home, one, cluster) for one in (client_of_23, "backend.ai")]


@pytest.fixture(scope="module")
def something(programs, image):
    """A session and a folder, so that lists of them are not empty."""
    _, ours = programs
    # Others may fill the cluster; a session that waits is in the lists, too.
    started = ours("start", "--enqueue-only", "-t", "same-json", "-r", "cpu=1", image)
    assert started.code == 0, started
    assert ours("vfolder", "create", "same-json").code == 0
    yield
    ours("rm", "-f", "same-json")
    ours("vfolder", "delete", "same-json")


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_the_same(programs, something, line):
    """All that they write, we do, by the same names and in the same spelling."""
    for _ in range(_TRIES):
        done = [program("--output=json", *line.split()) for program in programs]
        if not differences(done, line):
            return
    assert differences(done, line) == []


def differences(done, line):
    """Return in what the two answers differ."""
    if [one.code for one in done] != [0, 0]:
        return done
    theirs, ours = (json.loads(one.out) for one in done)
    if line == "vfolder list":
        # To an administrator, their client lists the folders of other users among their own.
        names = {item["name"] for item in ours["items"]}
        assert "same-json" in names
        theirs["items"] = [item for item in theirs["items"] if item["name"] in names]
        theirs["count"] = theirs["total_count"] = len(theirs["items"])
    if ours["total_count"] != theirs["total_count"] or ours["count"] < theirs["count"]:
        return [theirs, ours]
    if ours["count"] == theirs["count"]:
        # Folders come as the cluster has them there, and by name here.
        for answer in (theirs, ours):
            answer["items"].sort(key=lambda item: str(item.get("name")))
    pairs = zip(theirs["items"], ours["items"], strict=False)
    return [
        (key, one[key], other.get(key, "is missing"))
        for one, other in pairs
        for key in one
        if key not in other or (key not in CHANGING and one[key] != other[key])
    ]
