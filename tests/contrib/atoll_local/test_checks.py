"""Which limit holds by which means, and how the cluster comes to control groups of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from atoll_cluster.engine import cgroup, sandbox
from atoll_cluster.engine.sandbox import Probe
from atoll_cluster.engine.services.installed import Installed
from atoll_local import checks, delegation

BOXED = Probe(tier="bubblewrap", reason="1", bwrap="bwrap", sizes_tmpfs=True)
OLD = Probe(tier="bubblewrap", reason="0", bwrap="bwrap")
PLAIN = Probe(tier="plain", reason="chosen")
GROUPS = dict.fromkeys(("memory", "pids", "cpu"), Path("/sys/fs/cgroup/here"))


@pytest.mark.parametrize(
    ("groups", "probe", "told"),
    [
        (GROUPS, BOXED, {"memory": "control group", "process": "control group"}),
        (GROUPS, PLAIN, {"cpu": "control group", "shared memory": "not counted"}),
        ({}, BOXED, {"memory": "checked several", "shared memory": "hold half", "cpu": "affinity"}),
        ({}, OLD, {"shared memory": "counts as the session's memory"}),
        ({}, PLAIN, {"memory": "checked several", "process": "counted", "disk": "quotas"}),
        ({"memory": Path("/x")}, BOXED, {"memory": "in /x", "cpu": "affinity"}),
    ],
)
def test_the_enforcement_of_each_limit_is_shown(monkeypatch, groups, probe, told):
    monkeypatch.setattr(cgroup, "usable_controllers", lambda _process: groups)
    monkeypatch.setattr(sandbox, "probe", lambda **_: probe)
    found = {one.check.removesuffix(" limit"): one for one in checks.limits("self", plain=False)}
    assert list(found) == ["memory", "shared memory", "process", "cpu", "disk"]
    for name, text in told.items():
        assert text in found[name].detail
    assert (found["cpu"].status == "ok") == ("cpu" in groups)
    assert (found["shared memory"].status == "absent") == (probe is PLAIN)


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """Pretend to be a user with a systemd, who lingers; returns where the parts of that are."""
    program = tmp_path / "bin/systemd-run"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    program.chmod(0o755)
    (tmp_path / "run/systemd").mkdir(parents=True)
    (tmp_path / "run/systemd/private").touch()
    (tmp_path / "linger").mkdir()
    (tmp_path / "linger/somebody").touch()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def test_a_user_with_lingering_has_a_control_group(systemd):
    words = delegation.delegation_command(systemd / "linger")
    assert words[1:] == delegation._OPTIONS
    program = [*words, sys.executable, "-c", "print('runs')"]
    assert subprocess.run(program, capture_output=True, text=True).stdout == "runs\n"


@pytest.mark.parametrize(
    "lacking", ["bin/systemd-run", "run/systemd/private", "linger/somebody", "working", "root"]
)
def test_other_users_start_the_cluster_without_a_group(systemd, monkeypatch, lacking):
    """Those whose systemd would end it when they log out among them."""
    if lacking == "root":
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    elif lacking == "working":
        (systemd / "bin/systemd-run").write_text("#!/bin/sh\nexit 1\n")
    else:
        (systemd / lacking).unlink()
        monkeypatch.setenv("PATH", str(systemd / "bin"))
    assert delegation.delegation_command(systemd / "linger") == ()


def test_missing_services_are_reported_with_their_replacement():
    found = {one.check: one for one in checks.services(Installed(asyncssh=True))}
    assert {name: one.status for name, one in found.items()} == {
        "sshd": "ok",
        "ttyd": "absent",
        "jupyter": "absent",
    }
    assert (found["sshd"].detail, found["sshd"].hint) == (
        "the built-in server",
        "openssh-server is faster",
    )
    assert "pip install 'atoll[apps]'" in found["ttyd"].hint
