"""Control groups of version 2 on a made-up hierarchy: folders that only look like the kernel's."""

import os

import pytest

from atoll_cluster.engine import cgroup
from atoll_cluster.engine.cgroup import Limits

LIMITS = Limits(memory=2**28, cpu=0.5, processes=100)
USERS = "user.slice/user-1000.slice/user@1000.service/app.slice/atoll.scope"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Make a hierarchy in which we are in a group; returns the function that says what it is."""
    mount, process = tmp_path / "cgroup", tmp_path / "proc/self"
    process.mkdir(parents=True)
    monkeypatch.setattr(cgroup, "MOUNT", mount)
    monkeypatch.setattr(cgroup, "PROC", tmp_path / "proc")

    def make(own, *, controllers="", enabled="", processes=()):
        group = mount / own
        group.mkdir(parents=True)
        (process / "cgroup").write_text(f"0::/{own}\n")
        (group / "cgroup.controllers").write_text(controllers)
        (group / "cgroup.procs").write_text("\n".join(map(str, processes)))
        (group / "cgroup.subtree_control").write_text("")
        (group.parent / "cgroup.subtree_control").write_text(enabled)
        return group

    def enter(group):
        """Do what the kernel does when processes move and controllers are enabled."""
        own = (group / cgroup.LEAF).relative_to(mount)
        (process / "cgroup").write_text(f"0::/{own}\n")
        wanted = (group / "cgroup.subtree_control").read_text()
        (group / "cgroup.subtree_control").write_text(wanted.replace("+", ""))

    make.enter = enter
    return make


def files_of(groups):
    return {file.name: file.read_text() for group in groups for file in group.iterdir()}


def test_limits_are_created_beside_the_own_group(machine):
    group = machine("here/ours", enabled="cpu memory pids")
    [made] = groups = cgroup.create("k1", LIMITS)
    assert made.parent == group.parent
    assert files_of(groups) == {
        "memory.max": str(2**28),
        "cpu.max": "50000 100000",
        "pids.max": "100",
    }


@pytest.mark.parametrize(
    ("enabled", "files"),
    [
        ("memory pids", {"memory.max", "pids.max"}),
        ("memory", {"memory.max"}),
        ("cpu pids", None),
        ("", None),
    ],
)
def test_a_missing_controller_affects_only_its_own_limit(machine, enabled, files):
    """As that of processors is for users by default, with older systemds."""
    machine("here/ours", enabled=enabled)
    groups = cgroup.create("k1", LIMITS)
    assert (set(files_of(groups)) or None) == files


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_delegated_group_is_divided(machine, is_marked):
    """Whether systemd has marked it, or we are alone in it."""
    processes = [os.getpid(), 4711] if is_marked else [os.getpid()]
    group = machine(USERS, controllers="memory pids", processes=processes)
    if is_marked:
        try:
            os.setxattr(group, "user.delegate", b"1")
        except OSError:
            pytest.skip("no attributes can be set here")
    assert cgroup.create("k1", LIMITS) == []
    cgroup.prepare_delegated()
    # A real file takes one process at a time and forgets it; of this one the last is left.
    assert (group / cgroup.LEAF / "cgroup.procs").read_text() == str(processes[-1])
    assert (group / "cgroup.subtree_control").read_text() == "+memory +pids"
    machine.enter(group)
    [made] = groups = cgroup.create("k1", LIMITS)
    assert made.parent == group
    assert set(files_of(groups)) == {"memory.max", "pids.max"}
    cgroup.prepare_delegated()
    assert (group / "cgroup.subtree_control").read_text() == "memory pids"


@pytest.mark.parametrize(
    ("own", "controllers", "processes"),
    [
        (USERS, "memory pids", [4711]),
        (USERS, "memory pids", [4711, "ours"]),
        ("", "memory pids", ["ours"]),
    ],
    ids=["of others", "with others", "the root"],
)
def test_a_group_that_is_not_ours_is_left_alone(machine, own, controllers, processes):
    pids = [os.getpid() if one == "ours" else one for one in processes]
    group = machine(own, controllers=controllers, processes=pids)
    cgroup.prepare_delegated()
    assert not (group / cgroup.LEAF).exists()
    assert (group / "cgroup.subtree_control").read_text() == ""


def test_usable_controllers_are_found_by_a_test_group():
    held = cgroup.usable_controllers()
    assert set(held) <= {"memory", "pids", "cpu"}
    for parent in held.values():
        assert not list(parent.glob(f"atoll-probe-{os.getpid()}*"))
