"""Where the database lies: on this machine's disk, or where other machines see it, too."""

import os

import pytest

from atoll_cluster.store import database
from atoll_cluster.store.database import Database
from atoll_cluster.store.filesystem import is_networked


def mounts(path, kind):
    """A list of mounts that has the one of a path, with another type."""
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    table = path / "mountinfo"
    table.write_text(
        "21 1 999:999 / / rw - ext4 /dev/sda1 rw\n"
        f"36 21 {number} / /home rw,noatime shared:1 - {kind} server:/home rw\n"
    )
    return table


@pytest.mark.parametrize(
    ("kind", "is_shared"),
    [
        ("nfs4", True),
        ("lustre", True),
        ("gpfs", True),
        ("fuse.sshfs", True),
        ("fuse", True),
        ("fuseblk", False),
        ("ext4", False),
        ("xfs", False),
        ("tmpfs", False),
    ],
)
def test_a_network_file_system_is_recognized_by_its_type(tmp_path, kind, is_shared):
    assert is_networked(tmp_path, mounts(tmp_path, kind)) is is_shared


def test_an_unknown_file_system_counts_as_local(tmp_path):
    assert not is_networked(tmp_path, tmp_path / "absent")


def test_on_a_network_the_database_needs_no_shared_memory(tmp_path, monkeypatch):
    """One that a log was written ahead of before is converted, and nothing of it is lost."""
    path = tmp_path / "store.sqlite3"
    before = Database(path)
    before.execute("CREATE TABLE kept (value)")
    before.execute("INSERT INTO kept VALUES (1)")
    before.close()
    monkeypatch.setattr(database, "is_networked", lambda _path: True)
    found = Database(path)
    found.execute("INSERT INTO kept VALUES (2)")
    assert [row[0] for row in found.rows("SELECT value FROM kept")] == [1, 2]
    assert found.value("PRAGMA journal_mode") == "truncate"
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.suffix != ".sqlite3") == [
        "store.sqlite3-journal"
    ]
    found.close()
