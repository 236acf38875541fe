"""What is remembered of a transfer, so that a later one goes on where it broke off.

A small file for each large file on its way, locked while somebody is at it: two at once would mix
their bytes. It holds a token, so nobody else may read it.
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

_KEPT = 7 * 24 * 3600
"""Seconds after which nobody is expected to go on."""


def identity(*facts: object) -> str:
    """Return a short text that stands for these facts, and for no others."""
    return hashlib.sha256("\0".join(map(str, facts)).encode(errors="surrogateescape")).hexdigest()[
        :32
    ]


@define
class Memory:
    """What is remembered of one transfer."""

    _descriptor: int
    facts: Mapping[str, Any] = field(factory=dict)

    def keep(self, **facts: Any) -> None:
        """Remember these facts in place of others."""
        self.facts = facts
        content = json.dumps(facts).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)

    def forget(self) -> None:
        """Remember nothing any more."""
        self.facts = {}


@define
class Memories:
    """The folder of all that is remembered."""

    folder: Path

    @classmethod
    def of(cls, paths: Paths) -> "Memories":
        """Open the folder, dropping what is too old to be of use."""
        folder = make_private(paths.state / "transfers")
        oldest = time.time() - _KEPT
        for path in folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
        return cls(folder)

    @contextmanager
    def of_file(self, key: str, name: str) -> Iterator[Memory]:
        """Hold the memory of a transfer; raises AtollError when another process does."""
        path = self.folder / f"{key}.json"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AtollError(f"{name} is under way already, in another process") from None
            memory = Memory(descriptor, _read(descriptor))
            try:
                yield memory
            finally:
                if not memory.facts:
                    path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _read(descriptor: int) -> dict[str, Any]:
    try:
        facts = json.loads(os.pread(descriptor, 65536, 0) or b"{}")
    except ValueError:
        return {}  # half-written by a machine that went down: the transfer starts again
    return facts if isinstance(facts, dict) else {}
