"""The folders of atoll's files: XDG folders, or folders below `ATOLL_HOME`."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Paths(NamedTuple):
    """The four folders of atoll's files: `config` for files that the user writes, `state` for files
    that must be kept, `cache` for files that may be deleted at any time, `data` for large files.
    """

    config: Path
    state: Path
    cache: Path
    data: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Paths":
        """Read `ATOLL_HOME`, else the XDG variables, else their defaults below the home folder."""
        env = os.environ if environ is None else environ
        if home := env.get("ATOLL_HOME"):
            root = Path(home).expanduser().absolute()
            return cls(root / "config", root / "state", root / "cache", root / "data")
        return cls(
            _xdg(env, "XDG_CONFIG_HOME", ".config"),
            _xdg(env, "XDG_STATE_HOME", ".local/state"),
            _xdg(env, "XDG_CACHE_HOME", ".cache"),
            _xdg(env, "XDG_DATA_HOME", ".local/share"),
        )

    def of_profile(self, name: str) -> Path:
        """Return the folder for files that belong to a profile, such as its login. They are deleted
        with the profile. The folder may not exist yet.
        """
        return self.state / "profiles" / name


def _xdg(env: Mapping[str, str], variable: str, default: str) -> Path:
    # The XDG specification says that relative paths are ignored.
    value = Path(env.get(variable) or "")
    return (value if value.is_absolute() else Path.home() / default) / "atoll"


def restrict_to_owner(paths: Paths) -> None:
    """Remove the permissions of others from atoll's folders and from the files directly in them.

    An earlier release or the user may have created them with wider permissions. Files with secrets
    are checked again when they are read.
    """
    for folder in paths:
        try:
            for path in (folder, *folder.iterdir()):
                _close(path)
        except OSError:
            continue  # the file does not exist yet, or belongs to another user


def _close(path: Path) -> None:
    status = path.lstat()
    if status.st_mode & 0o077 and not stat.S_ISLNK(status.st_mode):
        path.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def ensure_owner_access() -> None:
    """Set a umask that leaves the owner all permissions, since nothing would work with another
    one.
    """
    os.umask(os.umask(0o077) & 0o077)
