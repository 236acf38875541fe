"""Where atoll keeps things: XDG folders, or everything below `ATOLL_HOME`."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from atoll.errors import ConfigError


class Paths(NamedTuple):
    """Four folders: what the user writes, what must last, what may be lost, and bulk data."""

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


def _xdg(env: Mapping[str, str], variable: str, default: str) -> Path:
    # The XDG specification has relative paths ignored.
    value = Path(env.get(variable) or "")
    return (value if value.is_absolute() else Path.home() / default) / "atoll"


def make_private(folder: Path) -> Path:
    """Make a folder that only its owner can enter, with its parents; returns it."""
    for missing in reversed([folder, *folder.parents]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder


def open_private(path: Path, flags: int) -> int:
    """Open a file for writing, made if need be so that only its owner can read it."""
    return os.open(path, flags | os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)


def close_to_others(paths: Paths) -> None:
    """Take from others what they may do with our folders, and with what lies in them.

    They may have been made by an earlier release, or by hand. Files with secrets that others could
    read are refused where they are read, one level below.
    """
    for folder in paths:
        try:
            for path in (folder, *folder.iterdir()):
                _close(path)
        except OSError:
            continue  # It is not there yet, or is not ours.


def _close(path: Path) -> None:
    status = path.lstat()
    if status.st_mode & 0o077 and not stat.S_ISLNK(status.st_mode):
        path.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def let_owner_in() -> None:
    """Have a umask that denies nothing to the owner of files: with another nothing would work."""
    os.umask(os.umask(0o077) & 0o077)


def read_private(path: Path) -> str:
    """Read a file that holds secrets; raises ConfigError when others can read it too."""
    with path.open(encoding="utf-8") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise ConfigError(
                f"{path} holds secrets and others can read it (mode {mode:04o})",
                hint=f"chmod 600 {path}",
            )
        return file.read()


def write_atomic(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a whole file or leave the old one; the file never has a wider mode than `mode`."""
    make_private(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
