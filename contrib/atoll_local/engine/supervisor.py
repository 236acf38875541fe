"""Own one kernel's processes: `python -I -S supervisor.py launch.json`, in the kernel's run folder.

The supervisor detaches itself, so that the cluster program may die and find the kernel again. It
leaves `supervisor.json` (`pid`, `started`) before the kernel begins and `exit.json` (`exit_code`,
`reason`) after its end. SIGTERM ends the kernel within the grace period, SIGQUIT at once, and so
does deleting its folder, since nobody could find it any more.

There is one supervisor per kernel, so it is small: pathlib, typing and contextlib stay out of it.
"""

# The rules below would have pathlib and contextlib back.
# ruff: noqa: PTH105, PTH106, PTH110, PTH113, PTH123, SIM105

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
STATE, END = "supervisor.json", "exit.json"
LOOK_AROUND = 60
"""Seconds between looks at whether the kernel's folder is still there."""
LOOK_AT_MEMORY = 0.25
"""Seconds between looks at the kernel's memory where no cgroup tells of it."""
HEADROOM = 2
"""How many times its memory a single process may ask for where no cgroup counts; what it then
really takes ends the kernel at the next look."""
PAGE, TICKS_PER_SECOND = resource.getpagesize(), os.sysconf("SC_CLK_TCK")


class Supervisor:
    """Starts the kernel described by `launch` (see `launch.py`) and stays until its end."""

    def __init__(self, launch: dict[str, Any], listener: socket.socket) -> None:
        self._launch = launch
        self._memory = MemoryWatch(launch["memory"], launch["cgroups"])
        self._signals, wakeup = os.pipe()
        for fd in (self._signals, wakeup):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wakeup)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda _number, _frame: None)
        self._reason = "self-terminated"
        self._deadline: float | None = None
        self._cpu_used = 0.0
        self._init: int | None = None
        self._child = self._spawn(listener)
        listener.close()

    def run(self) -> None:
        """Obey signals until the kernel has ended."""
        exit_code = None
        while exit_code is None:
            heard = self._wait()
            if self._signals in heard:
                self._obey(os.read(self._signals, 512))
            if self._memory.is_exceeded(heard):
                self._reason = "out-of-memory"
                self._kill()
            if self._is_overdue() or is_abandoned():
                self._kill()
            exit_code = self._reap()
        self._kill()
        self._await_init()
        self._leave(exit_code)

    def _wait(self) -> list[int]:
        """Wait for a signal or for news of the memory; return which descriptors have some."""
        patience = min(self._patience(), self._memory.interval)
        memory = self._memory.notices
        ready, _, urgent = select.select([self._signals, *memory], [], memory, patience)
        return [*ready, *urgent]

    def _patience(self) -> float:
        if self._init is None and self._launch["wrappers"]:
            self._init = next(iter(children(self._child)), None)
            return 0.02
        if self._deadline is None:
            return LOOK_AROUND
        return max(0, self._deadline - time.monotonic())

    def _is_overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _spawn(self, listener: socket.socket) -> int:
        if self._launch["plain"]:
            prctl(PR_SET_CHILD_SUBREAPER, 1)
        pid = os.fork()
        if pid == 0:
            try:
                self._become_kernel(listener)
            except OSError as error:
                os.write(2, f"cannot start {self._launch['argv'][0]}: {error}\n".encode())
                os._exit(127)
        return pid

    def _become_kernel(self, listener: socket.socket) -> NoReturn:
        launch = self._launch
        signal.set_wakeup_fd(-1)
        os.setsid()
        if launch["plain"]:
            prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        for group in launch["cgroups"]:
            write(f"{group}/cgroup.procs", "0")
        if launch["cpus"]:
            os.sched_setaffinity(0, launch["cpus"])
        if launch["memory"] and not self._memory.in_group:
            limit_data(HEADROOM * launch["memory"])
        give_files(launch["files"], listener)
        os.umask(0o022)
        os.chdir(launch["cwd"])
        os.execve(launch["argv"][0], launch["argv"], launch["environ"])  # noqa: S606 - no shell is wanted

    def _obey(self, numbers: bytes) -> None:
        if signal.SIGQUIT in numbers:
            self._reason = "force-terminated"
            self._kill()
        elif signal.SIGTERM in numbers and self._deadline is None:
            self._reason = "user-requested"
            self._deadline = time.monotonic() + self._launch["grace"]
            self._take_figures()
            for pid in descendants(os.getpid(), skip=self._launch["wrappers"]):
                send(pid, signal.SIGTERM)

    def _take_figures(self) -> None:
        """Note what the kernel has used so far: what a killed sandbox used, nobody is told."""
        self._cpu_used = max(self._cpu_used, cpu_used())
        self._memory.look()

    def _kill(self) -> None:
        """Kill everything below the kernel's first process, then that one, and see them gone."""
        self._deadline = None
        self._take_figures()
        while pids := living(skip=1) or living():
            for pid in pids:
                send(pid, signal.SIGKILL)
            time.sleep(0.001)

    def _await_init(self) -> None:
        """See the sandbox's first process gone, all others with it; bubblewrap leaves earlier."""
        while self._init is not None and not is_zombie(self._init):
            time.sleep(0.001)

    def _reap(self) -> int | None:
        """Collect ended children, adopted orphans too; the exit code if the kernel was one."""
        exit_code = None
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._child:
                    code = os.waitstatus_to_exitcode(ended[1])
                    exit_code = code if code >= 0 else 128 - code
        except ChildProcessError:
            pass
        return exit_code

    def _leave(self, exit_code: int) -> None:
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        end = {
            "exit_code": 128 + signal.SIGKILL if self._reason == "out-of-memory" else exit_code,
            "reason": self._reason,
            "cpu_used": round(max(self._cpu_used, cpu_used())),
            "memory_peak": max(self._memory.peak(), most),
        }
        self._memory.close()
        for folder in self._launch["cgroups"]:
            remove_group(folder)
        if not is_abandoned():
            write_json(END, end)


class MemoryWatch:
    """Tells when a kernel takes more memory than it was given.

    A cgroup sends word itself: version 1 by an eventfd, version 2 by its file of events. Elsewhere
    the resident memory of all processes is added up now and then, pages they share counted once.
    """

    def __init__(self, limit: int | None, cgroups: list[str]) -> None:
        self._limit = limit
        self._most = 0
        self._folder = next((path for path in cgroups if group_limits_memory(path)), None)
        self.in_group = self._folder is not None
        self.interval: float = LOOK_AROUND if self.in_group or limit is None else LOOK_AT_MEMORY
        self.notices: list[int] = []
        self._version_1 = False
        if self._folder is not None:
            self._subscribe(self._folder)

    def is_exceeded(self, heard: list[int]) -> bool:
        if self._folder is not None:
            told = self._version_1 and any(notice in heard for notice in self.notices)
            return told or oom_kills(self._folder) > 0
        if self._limit is None:
            return False
        return self.look() > self._limit

    def look(self) -> int:
        """Return the bytes that the kernel's processes hold now; exact if that matters."""
        pids = descendants(os.getpid())
        used = sum(map(resident, pids))
        if self._limit is not None and used > self._limit:
            used = sum(map(proportional, pids))
        self._most = max(self._most, used)
        return used

    def peak(self) -> int:
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            try:
                return int(read(f"{self._folder}/{name}"))
            except (OSError, ValueError):
                continue
        return self._most

    def close(self) -> None:
        for notice in self.notices:
            os.close(notice)
        self.notices.clear()

    def _subscribe(self, folder: str) -> None:
        try:
            if os.path.exists(f"{folder}/memory.events"):
                self.notices = [os.open(f"{folder}/memory.events", os.O_RDONLY)]
            else:
                self.notices = [oom_eventfd(folder)]
                self._version_1 = True
        except OSError:
            self.interval = LOOK_AT_MEMORY


def cpu_used() -> float:
    """Return the milliseconds of processor time of all descendants, the ended ones included."""
    ended = os.times()
    ticks = sum(ticks_of(pid) for pid in descendants(os.getpid()))
    return 1000 * (ended.children_user + ended.children_system + ticks / TICKS_PER_SECOND)


def ticks_of(pid: int) -> int:
    try:
        return sum(map(int, stat_fields(pid)[11:15]))
    except OSError:
        return 0


def group_limits_memory(folder: str) -> bool:
    return any(
        os.path.exists(f"{folder}/{name}") for name in ("memory.max", "memory.limit_in_bytes")
    )


def oom_eventfd(folder: str) -> int:
    """Subscribe to the memory running out in a group of version 1; raises OSError."""
    notice = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    control = os.open(f"{folder}/memory.oom_control", os.O_RDONLY)
    try:
        write(f"{folder}/cgroup.event_control", f"{notice} {control}")
    except OSError:
        os.close(notice)
        raise
    finally:
        os.close(control)
    return notice


def oom_kills(folder: str) -> int:
    """Count the processes that a group's memory limit has killed."""
    for name in ("memory.events", "memory.oom_control"):
        try:
            counts = dict(line.split() for line in read(f"{folder}/{name}").splitlines())
        except OSError:
            continue
        return int(counts.get("oom_kill", 0))
    return 0


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds, those it shares included."""
    try:
        return int(read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except OSError:
        return 0


def proportional(pid: int) -> int:
    """Return the bytes that a process holds, of shared ones its part: exact, but dear to ask."""
    try:
        lines = read(f"/proc/{pid}/smaps_rollup").splitlines()
    except OSError:
        return resident(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def is_abandoned() -> bool:
    """Tell whether the kernel's folder was deleted, so that nobody can find the kernel any more."""
    return not os.path.exists(STATE)


def give_files(paths: list[str | None], listener: socket.socket) -> None:
    """Open `paths` as descriptors 0, 1, 2, …; None stands for the listening socket."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    opened = [listener.fileno() if path is None else os.open(path, flags, 0o600) for path in paths]
    aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, len(paths) + len(opened)) for fd in opened]
    for target, fd in enumerate(aside):
        os.dup2(fd, target)


def limit_data(memory: int) -> None:
    """Limit the memory that each process may ask for, unless a lower limit holds already."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or hard > memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def prctl(option: int, value: int) -> None:
    import ctypes  # a megabyte, and only plain processes need it

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []


def descendants(pid: int, skip: int = 0) -> list[int]:
    """List every process below `pid`, without the first `skip` generations."""
    generation, found = [pid], []
    while generation:
        generation = [child for parent in generation for child in children(parent)]
        if skip <= 0:
            found += generation
        skip -= 1
    return found


def living(skip: int = 0) -> list[int]:
    """List our descendants that run, without the first `skip` generations."""
    return [pid for pid in descendants(os.getpid(), skip) if not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    try:
        return stat_fields(pid)[0] == "Z"
    except OSError:
        return True


def stat_fields(pid: int) -> list[str]:
    """Read /proc/<pid>/stat from the third field (state) on; the name before it may hold spaces."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def remove_group(folder: str) -> None:
    """Remove a cgroup; it may hold its last dying process for a moment yet."""
    for _ in range(100):
        try:
            os.rmdir(folder)
        except OSError as error:
            if error.errno != errno.EBUSY:
                return
            time.sleep(0.01)
        else:
            return


def write_json(name: str, content: dict[str, Any]) -> None:
    """Write so that a reader finds the whole file or none, even after a power cut."""
    new = f"{name}.new"
    write(new, json.dumps(content))
    os.replace(new, name)


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if os.path.isfile(path):
            os.fsync(file.fileno())


def listen(name: str) -> socket.socket:
    """Listen in the current folder, since a socket address has room for 108 bytes only."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.umask(0o177)
    listener.bind(name)
    os.umask(0o077)
    listener.listen(64)
    return listener


def detach() -> bool:
    """Go on in a new session, as a child of init; true in the process that goes on."""
    if os.fork():
        return False
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    own_log = os.open("supervisor.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for fd, target in ((null, 0), (own_log, 1), (own_log, 2)):
        os.dup2(fd, target)
    return True


def main() -> None:
    launch = json.loads(read(sys.argv[1]))
    ready, tell = os.pipe()
    if not detach():
        os.close(tell)
        sys.exit(0 if os.read(ready, 1) else 1)
    for number in (signal.SIGHUP, signal.SIGINT):
        # Who started the cluster may ignore them, as nohup does; what runs in sessions shall not.
        signal.signal(number, signal.SIG_DFL)
    listener = listen("kernel.sock")
    pid = os.getpid()
    write_json(STATE, {"pid": pid, "started": int(stat_fields(pid)[19])})
    supervisor = Supervisor(launch, listener)
    os.write(tell, b".")
    os.close(tell)
    supervisor.run()


if __name__ == "__main__":
    main()
