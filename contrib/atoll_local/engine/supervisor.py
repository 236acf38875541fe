"""Own one kernel's processes: `python -I -S supervisor.py launch.json`, in the kernel's run folder.

The supervisor detaches itself, so that the cluster program may die and find the kernel again. It
leaves `supervisor.json` (`pid`, `started`) before the kernel begins and `exit.json` (`exit_code`,
`reason`) after its end. SIGTERM ends the kernel within the grace period, SIGQUIT at once.

There is one supervisor per kernel, so it is small: pathlib, typing and contextlib stay out of it.
"""

# The rules below would have pathlib and contextlib back.
# ruff: noqa: PTH105, PTH106, PTH113, PTH123, SIM105

from __future__ import annotations

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
KEPT_LOG = 5 * 1024 * 1024
"""Bytes in `log` before it becomes `log.1`, so that at most twice as many are kept."""


class Log:
    """A file that is cut off and begun again when it is full, with one older part kept."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = self._open()

    def write(self, data: bytes) -> None:
        """Append; a full disk costs the output, not the kernel."""
        try:
            os.write(self._fd, data)
            if os.fstat(self._fd).st_size >= KEPT_LOG:
                os.replace(self._path, f"{self._path}.1")
                os.close(self._fd)
                self._fd = self._open()
        except OSError:
            pass

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


class Supervisor:
    """Starts the kernel described by `launch` (see `launch.py`) and stays until its end."""

    def __init__(self, launch: dict[str, Any], listener: socket.socket) -> None:
        self._launch = launch
        self._log = Log(launch["log"])
        self._output, kernel_output = os.pipe()
        self._signals, wakeup = os.pipe()
        for fd in (self._output, self._signals, wakeup):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wakeup)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda _number, _frame: None)
        self._reason = "self-terminated"
        self._deadline: float | None = None
        self._child = self._spawn(listener, kernel_output)
        os.close(kernel_output)
        listener.close()

    def run(self) -> None:
        """Keep the log and obey signals until the kernel has ended."""
        exit_code = None
        while exit_code is None:
            patience = None if self._deadline is None else max(0, self._deadline - time.monotonic())
            ready, _, _ = select.select([self._output, self._signals], [], [], patience)
            if self._output in ready:
                self._keep_output()
            if self._signals in ready:
                self._obey(os.read(self._signals, 512))
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._kill()
            exit_code = self._reap()
        self._kill()
        while self._keep_output():
            pass
        self._leave(exit_code)

    def _spawn(self, listener: socket.socket, output: int) -> int:
        if self._launch["plain"]:
            prctl(PR_SET_CHILD_SUBREAPER, 1)
        pid = os.fork()
        if pid == 0:
            try:
                self._become_kernel(listener, output)
            except OSError as error:
                os.write(output, f"cannot start {self._launch['argv'][0]}: {error}\n".encode())
                os._exit(127)
        return pid

    def _become_kernel(self, listener: socket.socket, output: int) -> NoReturn:
        launch = self._launch
        signal.set_wakeup_fd(-1)
        os.setsid()
        if launch["plain"]:
            prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        for group in launch["cgroups"]:
            write(f"{group}/cgroup.procs", "0")
        if launch["cpus"]:
            os.sched_setaffinity(0, launch["cpus"])
        if launch["memory"]:
            resource.setrlimit(resource.RLIMIT_DATA, (launch["memory"], launch["memory"]))
        os.umask(0o022)
        files = [(os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)]
        files.append((listener.fileno(), launch["listening_fd"]))
        if launch["options"] is not None:
            files.append((os.open(launch["options"], os.O_RDONLY), launch["options_fd"]))
        give_files(files)
        os.chdir(launch["cwd"])
        os.execve(launch["argv"][0], launch["argv"], launch["environ"])  # noqa: S606 - no shell is wanted

    def _keep_output(self) -> bool:
        try:
            data = os.read(self._output, 65536)
        except BlockingIOError:
            return False
        self._log.write(data)
        return bool(data)

    def _obey(self, numbers: bytes) -> None:
        if signal.SIGQUIT in numbers:
            self._reason = "force-terminated"
            self._kill()
        elif signal.SIGTERM in numbers and self._deadline is None:
            self._reason = "user-requested"
            self._deadline = time.monotonic() + self._launch["grace"]
            for pid in descendants(os.getpid(), skip=self._launch["wrappers"]):
                send(pid, signal.SIGTERM)

    def _kill(self) -> None:
        """Kill everything below the kernel's first process, then that one, and see them gone."""
        self._deadline = None
        while pids := living(skip=1) or living():
            for pid in pids:
                send(pid, signal.SIGKILL)
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
        reason = self._reason
        if exit_code == 128 + signal.SIGKILL and out_of_memory(self._launch["cgroups"]):
            reason = "out-of-memory"
        for folder in self._launch["cgroups"]:
            try:
                os.rmdir(folder)
            except OSError:
                pass
        write_json("exit.json", {"exit_code": exit_code, "reason": reason})


def give_files(files: list[tuple[int, int]]) -> None:
    """Put descriptors where the program to be executed expects them."""
    aside = [(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16), target) for fd, target in files]
    for fd, target in aside:
        os.dup2(fd, target)


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
    """Every process below `pid`, without the first `skip` generations."""
    found: list[int] = []
    for child in children(pid):
        if skip <= 0:
            found.append(child)
        found += descendants(child, skip - 1)
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


def out_of_memory(cgroups: list[str]) -> bool:
    """Whether the kernel's memory limit has killed a process."""
    for folder in cgroups:
        for name in ("memory.oom_control", "memory.events"):
            try:
                counts = dict(line.split() for line in read(f"{folder}/{name}").splitlines())
            except OSError:
                continue
            if int(counts.get("oom_kill", 0)):
                return True
    return False


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
    listener = listen("kernel.sock")
    pid = os.getpid()
    write_json("supervisor.json", {"pid": pid, "started": int(stat_fields(pid)[19])})
    supervisor = Supervisor(launch, listener)
    os.write(tell, b".")
    os.close(tell)
    supervisor.run()


if __name__ == "__main__":
    main()
