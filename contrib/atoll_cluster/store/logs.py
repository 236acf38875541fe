"""The output of ended kernels: one file for each, with a limit on their total size."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from anyio import to_thread
from attrs import frozen

from atoll_cluster.store.database import Database

MOST_BYTES = 1024 * 1024 * 1024
"""The most bytes of all logs together; above this, the oldest logs are deleted."""
_LEFT_OUT = b"[this log is not kept any more: newer ones have taken its room]\n"
_PIECE = 64 * 1024


@frozen
class Logs:
    """Stores logs below `folder`, each under the id of its kernel."""

    folder: Path

    @classmethod
    def open(cls, folder: Path, db: Database) -> "Logs":
        """Create the folder; delete logs of kernels that the database does not know.

        Logs that an earlier release stored in the database are moved to the folder.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        while row := db.row("SELECT kernel_id, logs FROM kernel_logs LIMIT 1"):
            (folder / row["kernel_id"]).write_text(row["logs"], "utf-8", "replace")
            db.execute("DELETE FROM kernel_logs WHERE kernel_id = ?", (row["kernel_id"],))
        known = {row["id"] for row in db.rows("SELECT id FROM kernels")}
        for path in folder.iterdir():
            if path.name not in known:
                path.unlink()
        return cls(folder)

    async def keep(self, kernel_id: str, pieces: AsyncIterator[bytes]) -> None:
        """Store the log of an ended kernel; raises OSError, and stores nothing in this case."""
        draft = self.folder / f"{kernel_id}.draft"
        try:
            async with await anyio.open_file(draft, "wb") as file:
                async for piece in pieces:
                    await file.write(piece)
            draft.rename(self.folder / kernel_id)
        finally:
            draft.unlink(missing_ok=True)
        await to_thread.run_sync(self._make_room)

    async def read(self, kernel_id: str) -> AsyncIterator[bytes]:
        """Yield the log of a kernel in pieces; yields nothing if there is no log."""
        with contextlib.suppress(FileNotFoundError):
            async with await anyio.open_file(self.folder / kernel_id, "rb") as file:
                while piece := await file.read(_PIECE):
                    yield piece

    def _make_room(self) -> None:
        found = [(path.stat(), path) for path in self.folder.iterdir()]
        surplus = sum(status.st_size for status, _ in found) - MOST_BYTES
        for status, path in sorted(found, key=lambda one: one[0].st_mtime_ns):
            if surplus <= 0:
                return
            if status.st_size > len(_LEFT_OUT):
                path.write_bytes(_LEFT_OUT)
                surplus -= status.st_size
