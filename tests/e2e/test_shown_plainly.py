"""What people are shown: named paths, figures in units, no JSON."""

import json

import pytest

MOUNTS = {
    "data=/etc": "folder 'data' cannot be mounted at '/etc'",
    "data=/usr/local": "folder 'data' cannot be mounted at '/usr/local'",
    "data=..": "folder 'data' cannot be mounted at '..'",
    "data=/home/work": "folder 'data' cannot be mounted at '/home/work'",
    "data=id_container": "folder 'data' cannot be mounted at 'id_container'",
    f"data={'n' * 300}": "folder 'data' cannot be mounted at 'nnn",
    "data=other/in": "folder 'other' at /home/work/other and folder 'data' at /home/work/other/in",
    "nowhere": "no folder 'nowhere'",
}


@pytest.fixture(scope="module")
def folders(shared):
    for name in ("data", "other", ".ssh"):
        assert shared.run("vfolder", "create", name).returncode == 0


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_mount_that_is_refused_is_named(shared, folders, mount):
    refused = shared.run("start", "-v", "other", "-v", mount, "python")
    assert (refused.returncode > 0, refused.stderr.count("\n")) == (True, 1), refused.stderr
    assert MOUNTS[mount] in refused.stderr


def test_info_tells_all_folders_and_what_containers_use(shared, folders):
    assert shared.run("start", "-t", "mounted", "-v", "data", "python").returncode == 0
    record = json.loads(shared.run("info", "mounted", "--output", "json").stdout)
    assert sorted(record["mounts"]) == [".ssh", "data"]
    shown = shared.run("info", "mounted").stdout
    (containers,) = [line for line in shown.splitlines() if line.startswith("Containers")]
    assert "main1 RUNNING (cpu " in containers
    assert "mem " in containers


@pytest.mark.parametrize(
    "line", ["admin storage local:volume1", "admin scaling-group default", "admin agent i-local"]
)
def test_what_the_cluster_keeps_as_json_is_shown_as_words(shared, line):
    shown = shared.run(*line.split())
    assert shown.returncode == 0, shown.stderr
    assert "{" not in shown.stdout


def test_an_agent_is_shown_without_json(shared):
    shown = shared.run("admin", "agent", "i-local").stdout
    (figures,) = [line for line in shown.splitlines() if line.startswith("Live figures")]
    assert "cpu_util" in figures
    assert "GiB of " in figures
    assert len(figures) < 250
    record = json.loads(shared.run("admin", "agent", "i-local", "--output", "json").stdout)
    assert "node" in record["live_stat"]
