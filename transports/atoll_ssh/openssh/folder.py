"""The folder of the sockets by which `ssh` shares its connections with atoll's processes.

Who can open such a socket can log in to the host. So the folder belongs to the user alone, and
nothing is used in one that does not.

    KEY -> KEY.x8f2mw9q       the connection in use; KEY depends on all settings of ssh
    KEY.x8f2mw9q/socket       of ssh, which deletes it at its end
    KEY.x8f2mw9q/log          what ssh writes
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

from attrs import frozen

from atoll import ConfigError
from atoll.files import remove_tree

_KEEP_TIME = 300.0
"""Seconds after which a folder without a socket is deleted; a login may take so long."""
_MOST_LOG = 2**16
_MAX_RUNTIME_PATH = 40


@frozen
class MasterFolder:
    """The folder of one `ssh`."""

    path: Path

    @property
    def socket(self) -> Path:
        """Where `ssh` listens."""
        return self.path / "socket"

    @property
    def log(self) -> Path:
        """What `ssh` has written."""
        return self.path / "log"

    @property
    def questions(self) -> Path:
        """Where the questions of a login are answered."""
        return self.path / "ask"

    def log_text(self, since: int = 0) -> str:
        """Return what `ssh` has written after the first `since` bytes."""
        try:
            with self.log.open("rb") as file:
                file.seek(since)
                return file.read(_MOST_LOG).decode(errors="replace")
        except OSError:
            return ""

    def log_size(self) -> int:
        """Return how many bytes `ssh` has written."""
        try:
            return self.log.stat().st_size
        except OSError:
            return 0

    def share(self, key: str) -> None:
        """Make this the one in use for `key`."""
        link = self.path.with_name(f"{self.path.name}.link")
        link.symlink_to(self.path.name)
        link.replace(self.path.with_name(key))

    def remove(self) -> None:
        """Delete it."""
        with suppress(OSError):
            remove_tree(self.path)


def new_folder(key: str) -> MasterFolder:
    """Make the folder of a new `ssh`, and delete those of some that have ended."""
    base = sockets_folder()
    for old in _unused(base):
        old.remove()
    for link in base.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
    return MasterFolder(Path(mkdtemp(prefix=f"{key}.", dir=base)))


def shared_folder(key: str) -> MasterFolder | None:
    """Return the folder of the `ssh` in use for `key`, which may have ended."""
    try:
        base = sockets_folder()
        return MasterFolder(base / (base / key).readlink())
    except OSError:
        return None


def sockets_folder() -> Path:
    """Return the folder; raises ConfigError if it is not the user's alone."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "")
    # The path of a unix socket has room for a hundred characters; other folders may be too long.
    usable = runtime.is_absolute() and len(str(runtime)) <= _MAX_RUNTIME_PATH and runtime.is_dir()
    folder = runtime / "atoll-ssh" if usable else Path(f"/tmp/atoll-ssh-{os.getuid()}")  # noqa: S108
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(
            f"{folder} is open to others, so no connection of ssh can be kept there",
            hint="delete it, or set XDG_RUNTIME_DIR",
        )
    return folder


def _unused(base: Path) -> Iterator[MasterFolder]:
    for path in base.glob("*.*"):
        one, now = MasterFolder(path), time.time()
        with suppress(OSError):
            if not one.socket.exists() and path.lstat().st_mtime < now - _KEEP_TIME:
                yield one
