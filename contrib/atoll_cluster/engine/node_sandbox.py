"""The sandbox of kernels on other machines.

Only the machine itself can tell whether a sandbox works there. So the supervisor tries it, and runs
the kernel without one if it does not. All paths are the same inside and outside; so the files of a
kernel serve in both cases, and programs that a scheduler starts for it elsewhere find its folders.

The kernel sees the system, its devices, `/tmp`, its own folders, and what the user names. It sees
neither homes nor any other folder of the machine.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from .contract import KernelSpec
from .folder import KernelFolder
from .sandbox import candidates, read_only, system

_SEEN = ("/opt", "/sys", "/var/lib/sss", "/var/lib/nscd")
"""Folders of the system besides `/usr` and `/etc`; those that are missing are ignored."""
_SOCKETS = ("munge", "slurm", "slurmctld", "nscd", "systemd/resolve")
"""What programs of a scheduler, and name services, need in `/run`."""


@frozen(kw_only=True)
class NodeSandbox:
    """A sandbox that a supervisor may use.

    `programs` are folders that a kernel needs and sees read-only; `shown` are folders that it sees
    as the machine has them.
    """

    folder: KernelFolder
    programs: Sequence[Path]
    shown: Sequence[Path] = ()

    def options(self, spec: KernelSpec) -> list[str]:
        """Return the options for bubblewrap, without those that only the machine knows."""
        return [
            *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-cgroup-try"),
            *("--new-session", "--die-with-parent"),
            *system(),
            *("--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev-bind", "/dev", "/dev"),
            *_tried("--ro-bind-try", _SEEN),
            *("--perms", "0755", "--tmpfs", "/run"),
            *_tried("--ro-bind-try", (f"/run/{name}" for name in _SOCKETS)),
            *("--symlink", "../run", "/var/run", "--bind", "/tmp", "/tmp"),  # noqa: S108 - that of the job
            *_tried("--bind-try", map(str, self.shown)),
            *read_only(self.folder.share, *self.programs),
            *("--bind", str(self.folder.home), str(self.folder.home)),
            *_mounts(spec),
            *("--chdir", str(self.folder.home)),
        ]

    def launch(self, options: Path) -> dict[str, Any]:
        """Return what the supervisor needs; `options` is the file with the options."""
        return {"programs": sandbox_programs(), "options": str(options)}


def sandbox_programs() -> list[str]:
    """Return the bubblewraps that a machine may have, which are tried one after the other."""
    return ["bwrap", *(path for _, path in candidates())]


def _tried(option: str, paths: Iterable[str]) -> list[str]:
    return [word for path in paths for word in (option, path, path)]


def _mounts(spec: KernelSpec) -> list[str]:
    """Return the options for the folders to which a kernel has links in its home."""
    words = []
    for mount in spec.mounts:
        source = os.path.realpath(mount.source)
        words += ["--ro-bind" if mount.read_only else "--bind", source, str(mount.source)]
    return words
