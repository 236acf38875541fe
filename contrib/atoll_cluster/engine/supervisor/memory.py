"""Measure the memory of a kernel's processes, if no control group counts it.

This does not count pages of files on disk, such as those of programs, because Linux can drop these
pages and read them again at any time.
"""

from __future__ import annotations

from .files import read
from .shared import SharedMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .procfs import Figures


class MemoryMeter:
    """Adds up the memory of processes: roughly at first, exactly near the limit."""

    def __init__(self) -> None:
        self._shared = SharedMemory()

    def held(self, processes: list[Figures], limit: int | None) -> int:
        """Return the memory of processes in bytes; it is exact if the rough sum exceeds the limit.

        The rough sum counts shared pages once for each process, and pages of shared files once
        more.
        """
        shared = self._shared.look([process.pid for process in processes])
        rough = shared + sum(process.private + process.shared for process in processes)
        if limit is None or rough <= limit:
            return rough
        return shared + sum(map(self._part, processes))

    def _part(self, process: Figures) -> int:
        """Return a process's memory in bytes, with its part of shared pages.

        Shared files in memory are left out, because `SharedMemory` counts them.
        """
        try:
            if process.shared:
                return self._sum(read(f"/proc/{process.pid}/smaps"))
            return sum_of(read(f"/proc/{process.pid}/smaps_rollup"), "Pss_Anon:", "SwapPss:")
        except OSError:
            return process.private

    def _sum(self, mappings: str) -> int:
        """Add up mappings of /proc/<pid>/smaps.

        For a file on disk, this counts only the pages that the process has changed.
        """
        total, counted = 0, {"Pss:", "SwapPss:"}
        for line in mappings.splitlines():
            words = line.split(None, 5)
            if not words[0].endswith(":"):
                device, inode, name = words[3], words[4], "".join(words[5:])
                if self._shared.has_counted(device, inode, name):
                    counted = set()
                elif self._shared.is_on_disk(device, inode):
                    counted = {"Anonymous:", "SwapPss:"}
                else:
                    counted = {"Pss:", "SwapPss:"}
            elif words[0] in counted:
                total += int(words[1]) * 1024
        return total


def sum_of(text: str, *names: str) -> int:
    """Add up the lines with these names; the lines are in KiB, the sum is in bytes."""
    lines = (line.split() for line in text.splitlines())
    return sum(int(words[1]) * 1024 for words in lines if words[0] in names)
