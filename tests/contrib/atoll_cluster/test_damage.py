"""A program whose files were taken away is found; a database that is damaged is kept."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from tests.contrib.locks import locked

from atoll_cluster.instance import ServerInfo, find_server, read_server
from atoll_cluster.paths import DataDir, StartError
from atoll_cluster.store_opening import open_store

DEADLINE = 60.0


def until(condition):
    give_up = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def data(shared):
    return DataDir(shared.data)


def whole(data):
    """Wait until both files tell of the program; returns what they tell."""

    def told(path):
        return path.is_file() and ServerInfo.parse(path.read_text("utf-8", "replace"))

    until(lambda: told(data.server) and told(data.server) == told(data.lock))
    return read_server(data)


def stale(path):
    path.write_text(path.read_text().replace('"started": ', '"started": 1'))


def half(path):
    path.write_text(path.read_text()[:20])


def other_types(path):
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": "1", "endpoint": None}))


def a_list(path):
    path.write_text("[1, 2]")


def deep(path):
    path.write_text("[" * 100_000)


def no_text(path):
    path.write_bytes(b"\xff\x00" * 5000)


def gone(path):
    path.unlink()


def a_fifo(path):
    path.unlink()
    os.mkfifo(path)


LOSSES = [gone, stale, half, other_types, a_list, deep, no_text, a_fifo]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_program_is_found_by_its_lock_and_writes_its_address_again(shared, data, lose):
    before = whole(data)
    assert before.pid == shared.process.pid
    for path in (data.server, data.lock):
        lose(path)
        assert read_server(data) == before
        assert whole(data) == before
    lose(data.server)
    data.lock.write_text("")
    assert find_server(data) == before


@pytest.mark.parametrize("names", [["lock"], ["server.json", "lock"]])
def test_a_program_that_lost_its_lock_takes_it_again(shared, data, http, names):
    before = whole(data)
    for name in names:
        (data.root / name).unlink()
    assert whole(data) == before
    command = [sys.executable, "-m", "atoll_cluster", "--data", str(data.root)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert (second.returncode, before.endpoint in second.stdout) == (0, True)


def test_nothing_is_found_of_a_program_that_was_killed(program):
    program.start()
    data = DataDir(program.data)
    assert read_server(data)
    program.end(signal.SIGKILL)
    assert read_server(data) is None
    program.start()
    assert read_server(data).pid == program.process.pid
    assert program.end() == 0
    assert data.lock.read_text() == ""


def attempt(program):
    command = [sys.executable, "-m", "atoll_cluster", "--data", str(program.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def no_header(path):
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def another_file(path):
    path.write_bytes(b"this is no database at all\n" * 1000)


def a_garbage_page(path):
    with path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(os.urandom(4096))


@pytest.mark.parametrize("damage", [truncated, no_header, another_file, a_garbage_page])
def test_a_damaged_database_is_kept_and_reported_in_one_line(program, damage):
    assert program.start().end() == 0
    database = program.data / "cluster.sqlite3"
    damage(database)
    damaged = database.read_bytes()
    for _ in range(2):
        ended = attempt(program)
        lines = [line for line in ended.stderr.splitlines() if line.startswith("atoll_cluster:")]
        assert (ended.returncode, len(lines)) == (1, 1)
        assert "The database is damaged" in lines[0]
        assert "atoll local reset deletes all data" in lines[0]
    (copy,) = program.data.parent.glob("data-damaged-*.sqlite3")
    assert str(copy) in lines[0]
    assert copy.read_bytes() == damaged
    assert copy.stat().st_mode & 0o077 == 0


def test_a_database_of_a_later_release_is_not_changed(program):
    assert program.start().end() == 0
    with closing(sqlite3.connect(program.data / "cluster.sqlite3")) as database:
        database.execute("PRAGMA user_version = 9999")
    ended = attempt(program)
    assert ended.returncode == 1
    assert "newer atoll (schema 9999); install that release again" in ended.stderr
    assert list(program.data.parent.glob("data-damaged-*")) == []


def test_damage_found_while_running_fails_requests_but_not_the_program(program, http):
    client = program.start().client(http)
    database = program.data / "cluster.sqlite3"
    with closing(sqlite3.connect(database)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = {
            row[0]
            for row in other.execute(
                "SELECT rootpage FROM sqlite_master WHERE tbl_name IN ('vfolders', 'dotfiles')"
            )
        }
    with database.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(os.urandom(4096))
    with closing(sqlite3.connect(database)) as other, other:
        # What the program remembers of the file is old by this.
        other.execute("INSERT INTO settings VALUES ('some', 'change')")
    for path in ("/folders", "/user-config/dotfiles"):
        answer = client.ask("GET", path)
        assert answer.status_code == 500
        assert "The database is damaged" in answer.json()["msg"]
        assert "atoll local down" in answer.json()["msg"]
    assert client.ask("GET", "/auth/role").status_code == 200
    assert program.process.poll() is None


def test_a_start_waits_for_a_locked_database_and_goes_on(tmp_path):
    data = DataDir.prepare(tmp_path / "data")
    data.database.touch()
    with locked(data.database), pytest.raises(StartError, match="end the program that uses"):
        open_store(data, patience=0.2)
    open_store(data).close()


def test_a_program_starts_while_its_database_is_locked(program, http):
    assert program.start().end() == 0
    with locked(program.data / "cluster.sqlite3"):
        client = program.start().client(http)
        assert client.ask("GET", "/auth/role").status_code == 200
    client.create("works", config={"resources": {"cpu": 0.1}})


@pytest.mark.parametrize("room", ["32k", "64k", "128k"])
def test_a_full_disk_at_the_start_is_one_line(tmp_path, program, room):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    program.data = disk / "data"
    try:
        ended = attempt(program)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
    assert "o space" in ended.stderr
