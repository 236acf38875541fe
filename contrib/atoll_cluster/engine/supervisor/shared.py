"""Measure memory that is not counted for any single process: files in memory.

A session can fill the file systems in memory that it sees, open files without a name (`memfd`), and
leave segments of System V behind. All of these can be found through the session's processes.
"""

from __future__ import annotations

import fcntl
import os
import time

from .files import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NS_GET_USERNS = 0xB701
CLONE_NEWIPC, CLONE_NEWUSER = 0x08000000, 0x10000000
INODE = 1024
"""Approximate memory of an empty file in memory, in bytes."""
BETWEEN_SEGMENTS = 2.0
"""Seconds between checks of segments, because each check needs a new process."""
MOST_NAMESPACES = 16
USUALLY_NAMELESS = "00:01"


class SharedMemory:
    """Adds up the memory that a session's processes share."""

    def __init__(self) -> None:
        self._ours = set(tmpfs_mounts("self"))
        self._nameless = nameless_device()
        self._our_ipc = inode("self", "ipc")
        self._segments, self._looked_at = 0, -BETWEEN_SEGMENTS
        self._devices: set[str] = set()
        self._files: dict[tuple[str, str], int] = {}

    def look(self, pids: list[int]) -> int:
        """Return the bytes in memory or swapped out, without file systems that we see ourselves."""
        mounts = {}
        for pid in distinct(pids, "mnt"):
            mounts.update(tmpfs_mounts(pid))
        sizes = {dev: size(dev, path) for dev, path in mounts.items() if dev not in self._ours}
        self._devices = set(sizes)
        self._files = nameless(pids)
        return sum(sizes.values()) + sum(self._files.values()) + self._in_segments(pids)

    def has_counted(self, device: str, inode: str, name: str) -> bool:
        """Return whether the last `look` has counted a mapped file (device, inode and name)."""
        if name.startswith("/SYSV"):
            return self._segments > 0
        return device in self._devices or (device, inode) in self._files

    def is_on_disk(self, device: str, inode: str) -> bool:
        """Return whether a mapped file is on disk, not only in memory."""
        return inode != "0" and device not in {self._nameless, *self._ours, *self._devices}

    def _in_segments(self, pids: list[int]) -> int:
        if time.monotonic() >= self._looked_at + BETWEEN_SEGMENTS:
            others = [pid for pid in distinct(pids, "ipc") if inode(pid, "ipc") != self._our_ipc]
            self._looked_at = time.monotonic()
            try:
                self._segments = sum(map(segments, others))
            except OSError:
                pass  # the machine may have too many processes to start another one
        return self._segments


def distinct(pids: list[int], kind: str) -> list[int]:
    """Return one process for each namespace of a kind, up to a limit."""
    found = {inode(pid, kind): pid for pid in reversed(pids)}
    found.pop(None, None)
    return list(found.values())[:MOST_NAMESPACES]


def inode(pid: int | str, kind: str) -> int | None:
    """Return the inode of a process's namespace, None if it cannot be read."""
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
    except OSError:
        return None


def tmpfs_mounts(pid: int | str) -> dict[str, str]:
    """Return the paths of the in-memory file systems that a process sees, by device."""
    try:
        lines = read(f"/proc/{pid}/mountinfo").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        words = line.split()
        if words[words.index("-") + 1] == "tmpfs":
            place = words[4].encode().decode("unicode_escape")
            major, minor = words[2].split(":")
            found[device_name(int(major), int(minor))] = f"/proc/{pid}/root{place}"
    return found


def nameless_device() -> str:
    """Return the device of files without a name and of anonymous shared mappings."""
    try:
        file = os.memfd_create("probe")
    except OSError:
        return USUALLY_NAMELESS
    number = os.fstat(file).st_dev
    os.close(file)
    return device_name(os.major(number), os.minor(number))


def device_name(major: int, minor: int) -> str:
    """Return the name of a device as the mappings in /proc show it."""
    return f"{major:02x}:{minor:02x}"


def size(device: str, path: str) -> int:
    """Return the bytes in the in-memory file system at `path`; 0 if its device is not `device`."""
    try:
        number = os.stat(path).st_dev
        room = os.statvfs(path)
    except OSError:
        return 0
    if device_name(os.major(number), os.minor(number)) != device:
        return 0
    return (room.f_blocks - room.f_bfree) * room.f_frsize + (room.f_files - room.f_ffree) * INODE


def nameless(pids: list[int]) -> dict[tuple[str, str], int]:
    """Return the bytes of open files without a name, by device and inode."""
    found = {}
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                if os.readlink(f"{folder}/{name}").startswith("/memfd:"):
                    status = os.stat(f"{folder}/{name}")
                    device = device_name(os.major(status.st_dev), os.minor(status.st_dev))
                    found[device, str(status.st_ino)] = status.st_blocks * 512
            except OSError:
                continue  # the file was closed meanwhile
    return found


def segments(pid: int) -> int:
    """Return the bytes of the System V segments that a process sees, 0 if they cannot be read."""
    import ctypes  # not imported earlier, because it takes a megabyte

    libc = ctypes.CDLL(None, use_errno=True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter_ipc(pid, libc.setns)
            os.write(writing, str(sum_of_segments(read("/proc/sysvipc/shm"))).encode())
        except OSError:
            pass
        finally:
            os._exit(0)
    os.close(writing)
    answer = os.read(reading, 32)
    os.close(reading)
    os.waitpid(child, 0)
    return int(answer or 0)


def enter_ipc(pid: int, setns: Callable[[int, int], int]) -> None:
    """Enter the IPC namespace of a process, through the user namespace that owns it."""
    ipc = os.open(f"/proc/{pid}/ns/ipc", os.O_RDONLY)
    users = fcntl.ioctl(ipc, NS_GET_USERNS)
    setns(users, CLONE_NEWUSER)
    if setns(ipc, CLONE_NEWIPC) != 0:
        raise PermissionError(f"no way to the segments of process {pid}")


def sum_of_segments(table: str) -> int:
    """Add up the last two columns of the table: bytes in memory and bytes swapped out."""
    return sum(sum(map(int, line.split()[-2:])) for line in table.splitlines()[1:])
