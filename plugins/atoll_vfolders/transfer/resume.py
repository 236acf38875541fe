"""Stores the state of a transfer on disk, so that a later transfer can resume it.

Each large file has a small state file. A process locks it during the transfer, since two processes
at once would mix their bytes. It contains a token, so only its owner may read it.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, field

from atoll import AtollError, Paths
from atoll.files import make_private

_LIFETIME = 7 * 24 * 3600
"""State that is older than this, in seconds, is removed."""


def identity(*facts: object) -> str:
    """Return a short text that is the same for the same facts, and different for others."""
    return hashlib.sha256("\0".join(map(str, facts)).encode(errors="surrogateescape")).hexdigest()[
        :32
    ]


@define
class ResumeState:
    """The state of one transfer."""

    _descriptor: int
    facts: Mapping[str, Any] = field(factory=dict)

    def keep(self, **facts: Any) -> None:
        """Save these facts in the place of the old ones."""
        self.facts = facts
        content = json.dumps(facts).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)

    def forget(self) -> None:
        """Remove the state when this transfer is closed."""
        self.facts = {}


@define
class ResumeStore:
    """The folder of all state files."""

    folder: Path

    @classmethod
    def of(cls, paths: Paths) -> "ResumeStore":
        """Open the folder; removes state that is too old."""
        folder = make_private(paths.state / "transfers")
        oldest = time.time() - _LIFETIME
        for path in folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
        return cls(folder)

    @contextmanager
    def open_state(self, key: str, name: str) -> Iterator[ResumeState]:
        """Lock the state of a transfer; raises AtollError if another process has locked it."""
        path = self.folder / f"{key}.json"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AtollError(f"another process transfers {name} already") from None
            resume_state = ResumeState(descriptor, _read(descriptor))
            try:
                yield resume_state
            finally:
                if not resume_state.facts:
                    path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _read(descriptor: int) -> dict[str, Any]:
    try:
        facts = json.loads(os.pread(descriptor, 65536, 0) or b"{}")
    except ValueError:
        return {}  # a crash of the machine has left half a file: the transfer starts again
    return facts if isinstance(facts, dict) else {}
