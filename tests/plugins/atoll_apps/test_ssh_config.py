"""The block in the user's configuration of OpenSSH: what it says, and that all else stays."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ATOLL = Path(sys.executable).with_name("atoll")
MINE = "# mine\nServerAliveInterval 99\n\nHost other\n    User me\n"


@pytest.fixture
def run(home, monkeypatch, tmp_path):
    """Run ssh-config for a user with a home of their own."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def ssh_config(*words):
        return subprocess.run([ATOLL, "ssh-config", *words], capture_output=True, text=True)

    return ssh_config


@pytest.fixture
def config(tmp_path):
    return tmp_path / ".ssh" / "config"


def said(config, host):
    """What OpenSSH makes of the file for a host; options by name in lower case."""
    command = ["ssh", "-G", "-F", config, host]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())


def test_a_new_file_is_private(run, config):
    assert run().returncode == 0
    assert config.stat().st_mode & 0o777 == 0o600
    assert config.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["50%", "%n", "a b", 'q"q', "it's", "back\\slash", "%% %h"])
def test_a_home_of_any_name(run, config, tmp_path, monkeypatch, name):
    home = tmp_path / name
    monkeypatch.setenv("ATOLL_HOME", str(home))
    assert run().returncode == 0
    options = said(config, "mysess.atoll")
    assert options["userknownhostsfile"] == str(home / "state/ssh/names/mysess.atoll/known_hosts")
    # What OpenSSH hands to the shell, after its own tokens.
    command = options["proxycommand"].replace("%%", "%")
    assert f"ATOLL_HOME={home}" in shlex.split(command)
    assert "%C" not in options["controlpath"]


def test_what_openssh_makes_of_it(run, config, home):
    run()
    options = said(config, "mysess.atoll")
    assert options["user"] == "work"
    assert options["stricthostkeychecking"] == "true"
    assert options["proxycommand"].endswith("atoll ssh-proxy %n")
    assert f"ATOLL_HOME={home}" in options["proxycommand"]
    assert options["userknownhostsfile"] == str(home / "state/ssh/names/mysess.atoll/known_hosts")
    assert options["controlmaster"] == "auto"
    assert "proxycommand" not in said(config, "mysess.example")


def test_the_user_s_own_lines_hold_as_before(run, config):
    config.parent.mkdir()
    config.write_text(MINE)
    config.chmod(0o640)
    run()
    assert config.read_text().endswith(MINE)
    assert config.stat().st_mode & 0o777 == 0o640
    assert said(config, "any")["serveraliveinterval"] == "99"
    assert said(config, "other")["user"] == "me"


def test_once_is_enough(run, config):
    run()
    first = config.read_text()
    again = run()
    assert config.read_text() == first
    assert "up to date" in again.stderr


@pytest.mark.parametrize("before", ["", MINE, MINE.rstrip("\n")])
def test_what_is_removed_leaves_nothing(run, config, before):
    config.parent.mkdir()
    config.write_text(before)
    run()
    assert run("--remove").returncode == 0
    assert config.read_text() == before


def test_a_dry_run_shows_and_changes_nothing(run, config):
    shown = run("--dry-run")
    assert "+Host *.atoll\n" in shown.stdout
    assert not config.exists()


def test_another_file_and_the_one_a_link_leads_to(run, tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text(MINE)
    link.symlink_to(real)
    run("-F", str(link))
    assert link.is_symlink()
    assert real.read_text().endswith(MINE)


def test_half_a_block_is_left_alone(run, config):
    run()
    damaged = config.read_text().replace("# <<< atoll\n", "")
    config.write_text(damaged)
    refused = run()
    assert (refused.returncode, config.read_text()) == (1, damaged)
    assert "has lost its first or last line" in refused.stderr


def test_a_file_that_is_no_text(run, config):
    config.parent.mkdir()
    config.write_bytes(b"\xff\xfe")
    refused = run()
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert config.read_bytes() == b"\xff\xfe"


@pytest.mark.parametrize(
    "words", [["--profile", "lab", "ssh-config"], ["ssh-config", "--profile", "lab"]]
)
def test_the_named_profile_stays_the_one(run, config, words):
    subprocess.run([ATOLL, *words], check=True, capture_output=True)
    assert "--profile lab ssh-proxy" in said(config, "mysess.atoll")["proxycommand"]
