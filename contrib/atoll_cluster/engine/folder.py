"""A kernel's folder on the host, and the files that its supervisor writes."""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from atoll_cluster.storage.removal import remove

from .contract import EngineError, ExitStatus
from .process import Process
from .states import Ended
from .supervisor.files import END, STATE

_LONGEST_STATE = 1024 * 1024
_LONGEST_REASON = 100
_LARGEST = 2**62


@frozen
class KernelFolder:
    """A kernel's folder: `home/` is the home, `run/` contains the sockets and the state, and
    `share/` and `etc/` contain further files for the kernel.
    """

    path: Path

    @property
    def home(self) -> Path:
        return self.path / "home"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def share(self) -> Path:
        return self.path / "share"

    @property
    def etc(self) -> Path:
        return self.path / "etc"

    @property
    def keys(self) -> Path:
        """The folder of the SSH keys, which a restart does not change."""
        return self.path / "keys"

    @property
    def log(self) -> Path:
        """The file of the kernel's output; older output is in a second file beside it."""
        return self.path / "log"

    def create(self) -> None:
        """Create the folders, private to their owner; raises EngineError if they exist."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700)
            for folder in (self.home, self.run, self.share, self.etc):
                folder.mkdir(mode=0o700)
        except OSError as error:
            raise EngineError(f"cannot create the kernel's folder: {error}") from error

    def renew(self) -> None:
        """Empty `run/`, `share/` and `etc/` for a restart; raises EngineError."""
        try:
            for folder in (self.run, self.share, self.etc):
                _remove_filled(folder)
                folder.mkdir(mode=0o700)
            # A node that ran the kernel before remembers for some seconds that this file exists.
            # If the file were missing, the node could not open it, and the job would fail.
            (self.run / "supervisor.log").touch(mode=0o600)
        except OSError as error:
            raise EngineError(f"cannot renew the kernel's folder: {error}") from error

    def delete(self) -> None:
        """Delete the folder with its contents, also folders without permissions.

        If something cannot be deleted, this deletes everything else and raises RemovalError, an
        OSError that names what remains.
        """
        remove(self.path)

    def read_state(self, name: str) -> dict[str, Any] | None:
        """Return the content of a JSON file in `run/`, None if the file is missing or invalid."""
        try:
            with (self.run / name).open("rb") as file:
                state = json.loads(file.read(_LONGEST_STATE))
        except (OSError, ValueError, RecursionError):
            return None
        return state if isinstance(state, dict) else None

    def supervisor(self) -> Process | None:
        """Return the supervisor's process, None if it does not run."""
        state = self.read_state(STATE) or {}
        pid, started = state.get("pid"), state.get("started")
        # The kernel may have changed the file, which must not lead us to another user's process.
        if not isinstance(pid, int) or not isinstance(started, int) or pid <= 1:
            return None
        process = Process(pid, started)
        return process if process.alive() else None

    def cgroups(self) -> Sequence[Path]:
        """Return the kernel's control groups, which remain if its supervisor was killed."""
        groups = (self.read_state("launch.json") or {}).get("cgroups")
        listed = groups if isinstance(groups, list) else []
        known = [Path(one) for one in listed if isinstance(one, str)]
        # The kernel may have changed the file, which must not lead us to another user's group.
        return [one for one in known if one.name.startswith(f"atoll-{self.path.name}-")]

    def has_begun(self) -> bool:
        """Whether the supervisor has ever begun.

        This lists the folder, because a shared file system shows new files first in lists.
        """
        try:
            return STATE in os.listdir(self.run)  # noqa: PTH208 - names alone are wanted
        except OSError:
            return False

    def has_recorded_end(self) -> bool:
        """Whether the supervisor has recorded the end, or never started.

        Another machine may have written the record just now. So this lists the folder, because a
        shared file system shows new files first in lists.
        """
        try:
            names = os.listdir(self.run)  # noqa: PTH208 - names alone are wanted
        except OSError:
            return True
        return END in names or STATE not in names

    def final_log_size(self) -> int:
        """Return the final size of the log as the supervisor recorded it, 0 if unknown."""
        return _figure((self.read_state(END) or {}).get("printed")) or 0

    def exit_status(self, ended: Ended) -> ExitStatus:
        """Return how the kernel ended, as its supervisor and its launcher tell.

        If neither tells anything, the kernel was killed together with its supervisor.
        """
        state = self.read_state(END)
        if state is not None:
            status = _exit_status(state)
            if status.has_done_its_task:
                return status
            return evolve(status, reason=ended.reason or status.reason)
        if ended != Ended():
            code = 137 if ended.exit_code is None else ended.exit_code
            return ExitStatus(code & 0xFF, ended.reason or "unknown")
        if self.read_state(STATE) is None:
            return ExitStatus(1, "failed-to-start")
        return ExitStatus(137, "unknown")


def _remove_filled(folder: Path) -> None:
    """Delete a folder; rename it if it cannot be deleted.

    A program that is ending may still use a file in it. A shared file system keeps such a file in
    the folder under another name until the program has ended.
    """
    try:
        remove(folder)
    except OSError:
        folder.rename(folder.with_name(f".{folder.name}-{secrets.token_hex(4)}"))


def has_written_end(path: Path) -> bool:
    """Return whether the supervisor has written how the kernel in a folder ended."""
    try:
        return END in os.listdir(path / "run")  # noqa: PTH208 - lists show new files first
    except OSError:
        return False


def _exit_status(state: Mapping[str, Any]) -> ExitStatus:
    """Read the supervisor's record of the end; a kernel without a sandbox can have changed it."""
    code, reason = state.get("exit_code"), state.get("reason")
    if not isinstance(code, int) or not isinstance(reason, str):
        return ExitStatus(137, "unknown")
    cpu_used, memory_peak = _figure(state.get("cpu_used")), _figure(state.get("memory_peak"))
    return ExitStatus(code & 0xFF, reason[:_LONGEST_REASON], cpu_used, memory_peak)


def _figure(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value <= _LARGEST else None
