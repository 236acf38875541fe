"""The data folder, which is private to its owner, and the names of its files."""

import os
import stat
from pathlib import Path

from attrs import frozen

PRIVATE = 0o077
"""The umask of the program: by default, only the owner can access the files it creates."""


class StartError(Exception):
    """The program cannot start or continue; the text is one line for the user."""


@frozen
class DataDir:
    """The folder of `--data`, with mode 0700, and the names of its files."""

    root: Path

    @classmethod
    def prepare(cls, root: Path) -> "DataDir":
        """Create the folder and its subfolders; raises StartError.

        A folder with other files is refused, because others could not access them any more.
        """
        data = cls(root.expanduser().absolute())
        try:
            if data.root.exists() and not data.kernels.exists() and any(data.root.iterdir()):
                raise StartError(f"{data.root} contains other files; choose an empty folder")
            for folder in (*reversed(data.root.parents), data.root, data.kernels, data.log_folder):
                folder.mkdir(mode=0o700, exist_ok=True)
            _close_to_others(data)
        except OSError as error:
            raise StartError(f"cannot use {data.root}: {error.strerror}") from error
        return data

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "cluster.sqlite3"

    @property
    def credentials(self) -> Path:
        """The keypairs that are created at the first start (JSON)."""
        return self.root / "credentials.json"

    @property
    def server(self) -> Path:
        """The address of the program (JSON); exists only while it answers requests."""
        return self.root / "server.json"

    @property
    def port(self) -> Path:
        """The last port, which later starts use again."""
        return self.root / "port"

    @property
    def lock(self) -> Path:
        """The file that is locked while a program uses the folder."""
        return self.root / "lock"

    @property
    def kernels(self) -> Path:
        """The folder of the engine."""
        return self.root / "kernels"

    @property
    def storage(self) -> Path:
        """Virtual folders and their data."""
        return self.root / "storage"

    @property
    def logs(self) -> Path:
        """The output of ended kernels."""
        return self.root / "logs"

    @property
    def put_aside(self) -> Path:
        """The list of items that the program could not finish (JSON)."""
        return self.root / "put-aside.json"

    @property
    def last_output(self) -> Path:
        """The output of the last program that is not in its log, such as a crash of Python."""
        return self.log_folder / "start.log.1"

    @property
    def log_folder(self) -> Path:
        """The program's log files."""
        return self.root / "log"


def _close_to_others(data: DataDir) -> None:
    """Remove the permissions of others from the data folder and its content.

    The file of credentials is not changed: if others could read it, its owner must be told.
    """
    folders = (data.root, data.log_folder, data.kernels, data.logs, data.storage)
    within = (path for folder in folders if folder.is_dir() for path in folder.iterdir())
    for path in (data.root, *within):
        mode = path.lstat().st_mode
        if mode & PRIVATE and not stat.S_ISLNK(mode) and path != data.credentials:
            path.chmod(stat.S_IMODE(mode) & ~PRIVATE)


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600; readers see either the old or the new text, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def require_private(path: Path) -> None:
    """Raise StartError if the file `path` exists and others can access it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return
    if mode & 0o077:
        raise StartError(
            f"{path} can be accessed by others (mode {mode:04o}); run: chmod 600 {path}"
        )
