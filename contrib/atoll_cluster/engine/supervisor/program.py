"""Own a kernel's processes; started in the kernel's run folder.

With `--detach` the supervisor leaves who started it, so that the cluster program may die and find
the kernel again. It leaves `supervisor.json` (`pid`, `started`) before the kernel begins and
`exit.json` (`exit_code`, `reason`) after its end. SIGTERM ends the kernel within the grace period,
SIGQUIT at once, and so does deleting its folder, since nobody could find it any more. It keeps what
the kernel prints; who connects to `supervisor.sock` is told the memory in use, the processor time
(milliseconds) and the size of the log, when all that was printed before is in it.

There is one supervisor per kernel, so it is small: pathlib, typing and contextlib stay out of it.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import sys
import time

from .files import END, STATE, is_abandoned, read, write, write_json
from .groups import remove_group
from .log import Log
from .procfs import children, cpu_used, descendants, is_zombie, living, send, stat_fields
from .watch import LOOK_AROUND, LimitWatcher, limit_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

TOO_MUCH = {"out-of-memory", "too-many-processes"}
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KEEP = "--keep="
KEPT = "ATOLL_KEPT_VARIABLES"
"""By this the kernel program knows which variables to hand on."""
HEADROOM = 2
"""How many times its memory a single process may ask for where no cgroup counts; what it then
really takes ends the kernel at the next look."""


class Supervisor:
    """Starts the kernel of `launch` (see `preparation.py`) and stays until its end."""

    def __init__(
        self, launch: dict[str, Any], listener: socket.socket, asked: socket.socket
    ) -> None:
        """Start; `listener` is for the kernel, `asked` for questions about log and memory."""
        self._launch, self._asked = launch, asked
        self._watch = LimitWatcher(launch["memory"], launch["processes"], launch["cgroups"])
        self._log = Log(launch["log"])
        self._signals, wakeup = os.pipe()
        for fd in (self._signals, wakeup):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wakeup)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda _number, _frame: None)
        self._reason = "self-terminated"
        self._deadline: float | None = None
        self._cpu_used = 0.0
        self._heeds_log = True
        self._init: int | None = None
        self._child = self._spawn(listener)
        listener.close()
        os.close(self._log.writing)

    def run(self) -> int:
        """Handle signals until the kernel has ended; returns its task's exit code, or else 0."""
        exit_code = None
        while exit_code is None:
            heard = self._wait()
            if self._signals in heard:
                self._obey(os.read(self._signals, 512))
            if self._log.reading in heard and not self._log.take():
                self._heeds_log = False  # its other end is closed, for good
            if self._asked.fileno() in heard:
                self._answer()
            if reason := self._watch.exceeded(heard):
                self._reason = reason
                self._kill()
            if self._is_overdue() or is_abandoned():
                self._kill()
            exit_code = self._reap()
        self._kill()
        self._await_init()
        self._log.drain()
        exit_code = 128 + signal.SIGKILL if self._reason in TOO_MUCH else exit_code
        self._leave(exit_code)
        return exit_code if self._launch["task"] else 0

    def _wait(self) -> list[int]:
        """Wait for a signal, output or a memory event; returns the ready descriptors."""
        patience = min(self._patience(), self._watch.patience())
        log = [self._log.reading] * self._heeds_log
        reading = [self._signals, self._asked.fileno(), *log, *self._watch.notices]
        ready, _, urgent = select.select(reading, [], self._watch.changes, patience)
        return [*ready, *urgent]

    def _answer(self) -> None:
        """Answer a caller with the memory use, after all output so far is in the log."""
        self._log.take()
        try:
            with self._asked.accept()[0] as caller:
                told = {
                    "memory": self._watch.memory(),
                    "cpu_used": round(cpu_used()),
                    "printed": self._log.printed(),
                }
                caller.send(json.dumps(told).encode() + b"\n")
        except OSError:
            pass  # who has called does not wait any more

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
        # Processes below us that lose their parent become our children, and can be ended.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        own_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._end_with(own_pid)
                self._become_kernel(listener)
            except OSError as error:
                os.write(2, f"cannot start {self._launch['argv'][0]}: {error.strerror}\n".encode())
                os._exit(127)
        return pid

    def _end_with(self, parent: int) -> None:
        """Let the kernel end if its supervisor is killed, from its first moment on.

        Bubblewrap does this itself, but only after it has started.
        """
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM if self._launch["plain"] else signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)

    def _become_kernel(self, listener: socket.socket) -> NoReturn:
        launch = self._launch
        environ = {**kept_variables(), **launch["environ"]}
        signal.set_wakeup_fd(-1)
        os.setsid()
        for group in launch["cgroups"]:
            write(f"{group}/cgroup.procs", "0")
        if launch["cpus"]:
            os.sched_setaffinity(0, launch["cpus"])
        if launch["memory"] and not self._watch.in_group:
            limit_data(HEADROOM * launch["memory"])
        log = self._log.writing
        files = [os.open(path, os.O_RDONLY) for path in (os.devnull, *launch["files"])]
        give_files([files[0], log, log, listener.fileno(), *files[1:]])
        os.umask(0o022)
        os.chdir(launch["cwd"])
        os.execvpe(launch["argv"][0], launch["argv"], environ)  # noqa: S606 - no shell is wanted

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
        """Record the use so far, because a killed sandbox does not report it."""
        self._cpu_used = max(self._cpu_used, cpu_used())
        self._watch.look()

    def _kill(self) -> None:
        """Kill everything below the kernel's first process, then that one."""
        self._deadline = None
        self._take_figures()
        while pids := living(skip=1) or living():
            for pid in pids:
                send(pid, signal.SIGKILL)
            time.sleep(0.001)

    def _await_init(self) -> None:
        """Wait for the end of the sandbox's first process; bubblewrap ends earlier."""
        while self._init is not None and not is_zombie(self._init):
            time.sleep(0.001)

    def _reap(self) -> int | None:
        """Collect ended children and adopted orphans; returns the kernel's exit code."""
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
        if self._launch["task"] and self._reason == "self-terminated":
            self._reason = "task-failed" if exit_code else "task-done"
        end = {
            "exit_code": exit_code,
            "reason": self._reason,
            "cpu_used": round(max(self._cpu_used, cpu_used())),
            "memory_peak": self._watch.peak(),
            "printed": self._log.printed(),
        }
        self._watch.close()
        for folder in self._launch["cgroups"]:
            remove_group(folder)
        if not is_abandoned():
            write_json(END, end)


def kept_variables() -> dict[str, str]:
    """Return the variables of our own environment that the kernel gets, and the list of them."""
    patterns = [word[len(KEEP) :] for word in sys.argv[2:] if word.startswith(KEEP)]
    whole = {one for one in patterns if not one.endswith("*")}
    begins = tuple(one[:-1] for one in patterns if one.endswith("*"))
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in whole or (begins and name.startswith(begins))
    }
    return {**kept, KEPT: ":".join(kept)} if kept else {}


def give_files(descriptors: list[int]) -> None:
    """Make these descriptors 0, 1, 2, … of the program that is started next."""
    beyond = len(descriptors) + max(descriptors)
    aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, beyond) for fd in descriptors]
    for target, fd in enumerate(aside):
        os.dup2(fd, target)


def listen(name: str) -> socket.socket:
    """Listen in the current folder, because a socket address has room for 108 bytes."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.umask(0o177)
    listener.bind(name)
    os.umask(0o077)
    listener.listen(64)
    return listener


def prctl(option: int, value: int) -> None:
    import ctypes  # a megabyte, and only plain processes need it

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def detach() -> bool:
    """Continue in a new process session, as a child of init; true in that process."""
    if os.fork():
        return False
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    own_log = os.open("supervisor.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for fd, target in ((null, 0), (own_log, 1), (own_log, 2)):
        os.dup2(fd, target)
    return True


def main() -> int:
    launch = json.loads(read(sys.argv[1]))
    ready, tell = os.pipe()
    if "--detach" in sys.argv[2:] and not detach():
        os.close(tell)
        sys.exit(0 if os.read(ready, 1) else 1)
    for number in (signal.SIGHUP, signal.SIGINT):
        # The cluster may have been started with ignored signals (nohup); sessions must not be.
        signal.signal(number, signal.SIG_DFL)
    listener, asked = listen("kernel.sock"), listen("supervisor.sock")
    pid = os.getpid()
    write_json(STATE, {"pid": pid, "started": int(stat_fields(pid)[19])})
    supervisor = Supervisor(launch, listener, asked)
    os.write(tell, b".")
    os.close(tell)
    return supervisor.run()
