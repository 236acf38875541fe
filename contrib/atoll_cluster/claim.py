"""Which machine's program serves a data folder that several machines see.

Locks of files are not seen by other machines on every file system. So a program writes down where
it runs, and writes that again every few seconds: who finds the file unchanged for a while takes
the folder over. On a disk of one machine the lock of `instance.py` says it all.
"""

import json
import secrets
import socket
import time
from pathlib import Path
from typing import Any

from attrs import define, field

from atoll_cluster.paths import DataDir, StartError, write_private
from atoll_cluster.store.filesystem import is_networked

RENEWAL = 5.0
"""Seconds between two times that a claim is written."""
SILENCE = 20.0
"""Seconds after which a claim is no good that nobody has written again. A shared file system may
show old contents for some seconds.
"""
_POLL = 0.2
_LONGEST = 4096


class Lost(Exception):
    """Another program has taken the folder over, since this one has stood still for long."""


@define
class Claim:
    """What a program says of itself; `token` is its alone."""

    path: Path
    token: str = field(factory=lambda: secrets.token_hex(8))
    _beat: int = field(default=0, init=False)
    _written: float = field(default=-float("inf"), init=False)

    @classmethod
    def take(cls, data: DataDir) -> "Claim | None":
        """Claim a folder, None where its lock is enough; raises StartError where a program of
        another machine serves it.

        That machine may have lost it without a word, which takes SILENCE to find out.
        """
        if not is_networked(data.root):
            return None
        claim = cls(data.root / "claim.json")
        found = _read(claim.path)
        give_up = time.monotonic() + SILENCE
        while found and _is_elsewhere(found) and time.monotonic() < give_up:
            time.sleep(_POLL)
            if (now := _read(claim.path)) and now != found:
                raise StartError(
                    f"it runs on {now.get('host')}, which has the same home: log in there"
                )
        claim._write()
        return claim

    def renew(self) -> None:
        """Say again that we are here, when it is time; raises Lost when that is no longer so."""
        if time.monotonic() < self._written + RENEWAL:
            return
        if (found := _read(self.path)) and found.get("token") != self.token:
            raise Lost(str(found.get("host")))
        self._write()

    def _write(self) -> None:
        self._beat += 1
        told = {"host": socket.gethostname(), "token": self.token, "beat": self._beat}
        write_private(self.path, json.dumps(told))
        self._written = time.monotonic()

    def close(self) -> None:
        """Give the folder back."""
        if _read(self.path).get("token") == self.token:
            self.path.unlink(missing_ok=True)


def _is_elsewhere(found: dict[str, Any]) -> bool:
    """Whether a claim is another machine's; of our own, the lock tells more."""
    return found.get("host") != socket.gethostname()


def _read(path: Path) -> dict[str, Any]:
    """Return what a claim says; empty for none."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_LONGEST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
