"""Ensure that only one program serves a data folder that several machines share.

On some network file systems, other machines do not see the locks of files. So a program writes the
name of its machine to a file, and writes the file again every few seconds. If the file does not
change for some time, a program on another machine takes the folder over. On a local disk, the lock
of `instance.py` is enough.
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
"""Seconds after which a claim is written again."""
EXPIRY = 20.0
"""Seconds after which a claim that was not written again is no longer valid.

This is longer than `RENEWAL`, because a shared file system may return old content for some time.
"""
_POLL = 0.2
_LONGEST = 4096


class Lost(Exception):
    """Another program has taken the folder over, because this one did not renew its claim."""


@define
class Claim:
    """The claim of a program to a data folder; each program has its own `token`."""

    path: Path
    token: str = field(factory=lambda: secrets.token_hex(8))
    _beat: int = field(default=0, init=False)
    _written: float = field(default=-float("inf"), init=False)

    @classmethod
    def take(cls, data: DataDir) -> "Claim | None":
        """Claim a folder; returns None on a local disk, where the lock is enough.

        Raises StartError if a program on another machine serves it. A program that was killed
        leaves its claim, so this waits up to EXPIRY until it is clear that the claim is old.
        """
        if not is_networked(data.root):
            return None
        claim = cls(data.root / "claim.json")
        found = _read(claim.path)
        give_up = time.monotonic() + EXPIRY
        while found and _is_elsewhere(found) and time.monotonic() < give_up:
            time.sleep(_POLL)
            if (now := _read(claim.path)) and now != found:
                raise StartError(
                    f"it runs on {now.get('host')}, which has the same home: log in there"
                )
        claim._write()
        return claim

    def renew(self) -> None:
        """Write the claim again if it is time; raises Lost if another program has the folder."""
        if time.monotonic() < self._written + RENEWAL:
            return
        if (found := _read(self.path)) and found.get("token") != self.token:
            raise Lost(str(found.get("host")))
        self._write()

    def _write(self) -> None:
        self._beat += 1
        content = {"host": socket.gethostname(), "token": self.token, "beat": self._beat}
        write_private(self.path, json.dumps(content))
        self._written = time.monotonic()

    def close(self) -> None:
        """Delete the claim, so that another program can serve the folder at once."""
        if _read(self.path).get("token") == self.token:
            self.path.unlink(missing_ok=True)


def _is_elsewhere(found: dict[str, Any]) -> bool:
    """Return whether another machine wrote a claim; on this machine, the lock decides."""
    return found.get("host") != socket.gethostname()


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a claim; empty if there is none."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_LONGEST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
