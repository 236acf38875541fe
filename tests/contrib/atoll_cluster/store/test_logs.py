"""Logs of ended kernels: files with a bound to all of them together."""

import os

import pytest

from atoll_cluster.store import logs
from atoll_cluster.store.logs import Logs
from atoll_cluster.store.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "cluster.sqlite3")
    store.db.execute("PRAGMA foreign_keys=OFF")
    yield store
    store.close()


async def pieces(*texts):
    for text in texts:
        yield text


async def read(kept, kernel_id):
    return b"".join([piece async for piece in kept.read(kernel_id)])


async def test_a_log_is_stored_unchanged(store):
    assert await read(store.logs, "k1") == b""
    await store.logs.keep("k1", pieces(b"one\n", b"\xff\x00", b""))
    assert await read(store.logs, "k1") == b"one\n\xff\x00"
    await store.logs.keep("k1", pieces(b"two\n"))
    assert await read(store.logs, "k1") == b"two\n"
    assert store.logs.folder.stat().st_mode & 0o077 == 0


async def test_an_incomplete_log_is_not_stored(store):
    async def broken():
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        await store.logs.keep("k1", broken())
    assert list(store.logs.folder.iterdir()) == []


async def test_the_oldest_logs_are_deleted_first(store, monkeypatch):
    monkeypatch.setattr(logs, "MOST_BYTES", 2500)
    for number in range(4):
        await store.logs.keep(f"k{number}", pieces(b"x" * 999, b"\n"))
        os.utime(store.logs.folder / f"k{number}", (number, number))
    found = [await read(store.logs, f"k{number}") for number in range(4)]
    assert [b"not kept any more" in log for log in found] == [True, True, False, False]
    assert sum(map(len, found)) <= 2500


async def test_logs_move_out_of_the_database(store, tmp_path):
    """Where an earlier release kept them; those of kernels that nobody knows go."""
    store.db.execute(
        "INSERT INTO kernels (id, session_id, cluster_role, cluster_idx, cluster_hostname, status, "
        "status_changed, created_at) VALUES ('k1', 's1', 'main', 1, 'main1', 'TERMINATED', '', '')"
    )
    for kernel_id in ("k1", "unheard-of"):
        store.db.execute("INSERT INTO kernel_logs VALUES (?, ?)", (kernel_id, "words €\n"))
    moved = Logs.open(tmp_path / "logs", store.db)
    assert await read(moved, "k1") == "words €\n".encode()
    assert await read(moved, "unheard-of") == b""
    assert store.db.value("SELECT count(*) FROM kernel_logs") == 0
    assert await read(Logs.open(tmp_path / "logs", store.db), "k1") == "words €\n".encode()
