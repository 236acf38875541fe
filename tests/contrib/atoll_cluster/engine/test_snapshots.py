"""Homes that are kept for others to begin with: how large one may be, and that copying ends."""

from functools import partial
from pathlib import Path

import anyio
import pytest

from atoll_cluster.engine import snapshots
from atoll_cluster.engine.contract import EngineError, HomeSnapshot
from atoll_cluster.engine.snapshots import HomeSnapshots

OWN = {"key": "secret", "changed": "secret"}
pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "file").write_bytes(b"x" * 8192)
    return folder


async def keep(home: Path, progress=lambda _number, _total: None) -> HomeSnapshot:
    kept = HomeSnapshots(home.parent / "kept")
    return await anyio.to_thread.run_sync(partial(kept.keep, home, "one", (), OWN, progress))


async def test_what_is_kept(home: Path) -> None:
    assert await keep(home) == HomeSnapshot(8192)
    assert (home.parent / "kept" / "one" / "file").read_bytes() == b"x" * 8192


async def test_files_of_the_kernel_itself_are_left_out(home: Path) -> None:
    (home / "key").write_text("secret")
    (home / "changed").write_text("secret no more")
    await keep(home)
    assert {path.name for path in (home.parent / "kept" / "one").iterdir()} == {"file", "changed"}


async def test_a_home_that_is_too_large_is_refused_before_it_is_copied(home, monkeypatch) -> None:
    monkeypatch.setattr(snapshots, "LARGEST", 4096)
    with pytest.raises(EngineError, match="8192 bytes; 4096"):
        await keep(home)
    assert not (home.parent / "kept" / "one").exists()


async def test_copying_a_home_that_keeps_growing_ends(home, monkeypatch) -> None:
    monkeypatch.setattr(snapshots, "_SPARE", 10)
    (home / "a").mkdir()

    def grow(number: int, _total: int) -> None:
        # A folder that is still ahead, whatever has been copied.
        (home / "a").joinpath(*["a"] * number).mkdir(parents=True, exist_ok=True)

    with pytest.raises(EngineError, match="faster than they can be copied"):
        await keep(home, grow)


async def test_copying_ends_with_its_task(home: Path) -> None:
    for number in range(500):
        (home / f"file{number}").touch()
    with anyio.CancelScope() as scope:
        await keep(home, lambda _number, _total: anyio.from_thread.run_sync(scope.cancel))
    assert scope.cancelled_caught
    assert len(list((home.parent / "kept" / "one").iterdir())) < 100
