"""`local reset` brings a new start, whatever has become of the data folder."""

import errno
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from tests.contrib.processes import working_in
from tests.contrib.trees import fill_oddly, nest

from atoll_cluster.paths import DataDir
from atoll_cluster.storage.removal import remove
from atoll_local import launcher
from atoll_local.resetting import reset


@pytest.fixture(autouse=True)
def _gone_at_the_end(atoll, tmp_path):
    """Remove what pytest itself, which goes by recursion, could not."""
    yield
    atoll.run("local", "down")
    with suppress(OSError):
        remove(tmp_path)


def deep(data):
    nest(data / "kernels", 2500, "n" * 200)


def odd(data):
    outside = data.parent / "outside"
    outside.mkdir()
    (outside / "keep").touch()
    fill_oddly(data / "storage", outside)


def locked(data):
    (data / "storage").chmod(0)
    data.chmod(0)


def damaged(data):
    for name in ("server.json", "cluster.sqlite3", "credentials.json", "port"):
        (data / name).write_bytes(b"\xff\0{[")


def swapped(data):
    for name in ("kernels", "log"):
        shutil.rmtree(data / name)
        (data / name).write_text("no folder")


@pytest.mark.parametrize("spoil", [deep, odd, locked, damaged, swapped])
def test_any_state_of_the_data_folder_is_reset(atoll, spoil):
    assert atoll.run("local", "up").returncode == 0
    assert atoll.run("local", "down").returncode == 0
    data = atoll.home / "data" / "local"
    spoil(data)
    done = atoll.run("local", "reset", "-y")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "all data of the embedded cluster is deleted" in done.stderr
    assert not data.exists()
    assert spoil is not odd or (data.parent / "outside" / "keep").exists()
    assert atoll.run("local", "up").returncode == 0


def test_sessions_that_outlived_the_program_are_ended_first(atoll):
    assert atoll.run("start", "-t", "still", "python").returncode == 0
    data = atoll.home / "data" / "local"
    atoll.kill_cluster()
    (data / "server.json").unlink()
    assert working_in(data)
    assert atoll.run("local", "reset", "-y").returncode == 0
    assert not working_in(data)
    assert not data.exists()


def test_a_program_that_does_not_stop_is_killed(atoll, monkeypatch):
    assert atoll.run("local", "up").returncode == 0
    data = atoll.home / "data" / "local"
    (pid,) = {int(path.name) for path in Path("/proc").glob("[0-9]*") if _serves(path, data)}
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(launcher, "_STOP_DEADLINE", 0.1)
    reset(DataDir(data))
    assert not data.exists()
    assert not Path(f"/proc/{pid}/exe").exists()


def _serves(process, data):
    with suppress(OSError):
        words = (process / "cmdline").read_bytes().split(b"\0")
        return b"atoll_cluster" in words and os.fsencode(data) in words
    return False


def test_what_cannot_be_deleted_is_one_line(atoll):
    data = atoll.home / "data" / "local"
    (data / "kernels" / "k").mkdir(parents=True)
    kept = data / "kernels" / "k" / "kept"
    kept.touch()
    try:
        subprocess.run(["chattr", "+i", kept], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no immutable files on this file system")
    try:
        done = atoll.run("local", "reset", "-y")
    finally:
        subprocess.run(["chattr", "-i", kept], check=True)
    assert done.returncode == 1
    assert f"{kept} can't be deleted: {os.strerror(errno.EPERM)}" in done.stderr
    assert [path for path in data.rglob("*") if path.is_file()] == [kept]
    assert atoll.run("local", "reset", "-y").returncode == 0
