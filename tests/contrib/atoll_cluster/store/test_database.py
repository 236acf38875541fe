"""What stands in the way of the database is told apart; a block happens whole or not at all."""

import contextlib
import os
import sqlite3
import subprocess
import time

import pytest
from tests.contrib.locks import locked

from atoll_cluster.store.database import Database
from atoll_cluster.store.errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreTooNew

INSERT = "INSERT INTO settings VALUES (?, ?)"
COUNT = "SELECT count(*) FROM settings"


@pytest.fixture
def db(tmp_path):
    found = Database(tmp_path / "store.sqlite3")
    yield found
    found.close()


@pytest.fixture
def disk(tmp_path):
    """A disk of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def write_in_a_block(db):
    with db.transaction():
        db.execute(INSERT, ("a", "1"))


def write(db):
    db.execute(INSERT, ("a", "1"))


@pytest.mark.parametrize("act", [write, write_in_a_block])
def test_a_locked_database_is_reported_soon_and_can_be_read(db, tmp_path, act):
    with locked(tmp_path / "store.sqlite3"):
        begin = time.monotonic()
        with pytest.raises(StoreBusy, match="locked by another program"):
            act(db)
        assert time.monotonic() - begin < 1
        assert db.value(COUNT) == 0
    act(db)
    assert db.value(COUNT) == 1


def fill(db, text="x" * 100_000):
    for number in range(100):
        db.execute(INSERT, (str(number), text))


def fill_in_a_block(db):
    with db.transaction():
        fill(db)


def fill_in_a_block_of_blocks(db):
    with db.transaction():
        fill_in_a_block(db)


@pytest.mark.parametrize("act", [fill_in_a_block, fill_in_a_block_of_blocks])
def test_a_full_disk_rolls_back_the_whole_transaction(disk, act):
    db = Database(disk / "store.sqlite3")
    with pytest.raises(StoreFull, match="No space is left"):
        act(db)
    assert db.value(COUNT) == 0
    write_in_a_block(db)
    assert db.value(COUNT) == 1
    db.close()


def refer_to_nobody(db):
    """Do what only the COMMIT finds to be wrong."""
    with db.transaction():
        db.execute("PRAGMA defer_foreign_keys=ON")
        db.execute("INSERT INTO group_members VALUES ('no', 'body')")


def test_a_failed_commit_leaves_no_transaction_open(db):
    with pytest.raises(sqlite3.IntegrityError):
        refer_to_nobody(db)
    write_in_a_block(db)
    with contextlib.closing(sqlite3.connect(db.path)) as other:
        assert other.execute(COUNT).fetchone() == (1,)


def write_twice(db):
    write(db)
    write(db)


def test_an_inner_transaction_is_rolled_back_alone(db):
    with db.transaction():
        db.execute(INSERT, ("kept", "1"))
        with pytest.raises(sqlite3.IntegrityError), db.transaction():
            write_twice(db)
    assert [row["key"] for row in db.rows("SELECT key FROM settings")] == ["kept"]


def pass_over_a_full_disk(db):
    with db.transaction():
        db.execute(INSERT, ("first", "1"))
        with contextlib.suppress(StoreFull):
            fill(db)
        db.execute(INSERT, ("last", "1"))


def test_statements_after_a_lost_transaction_are_not_executed_alone(disk):
    db = Database(disk / "store.sqlite3")
    with pytest.raises(StoreError):
        pass_over_a_full_disk(db)
    assert db.value(COUNT) == 0
    db.close()


def test_a_newer_schema_is_not_changed(db):
    db.execute("PRAGMA user_version=9999")
    db.close()
    with pytest.raises(StoreTooNew, match="9999"):
        Database(db.path)


def no_database(path):
    path.write_bytes(b"garbage " * 2000)


def lost_header(path):
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def short(path):
    os.truncate(path, 5000)


def lost_pages(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


@pytest.mark.parametrize("damage", [no_database, lost_header, short, lost_pages])
def test_a_damaged_database_is_reported(db, damage):
    fill(db, "x" * 1000)
    db.close()
    damage(db.path)
    with pytest.raises(StoreDamaged, match="The database is damaged"):
        Database(db.path).rows("SELECT * FROM settings")
