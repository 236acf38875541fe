"""The supervisor, which owns a kernel's processes; it is started in the kernel's run folder.

With `--detach` the supervisor does not stay a child of the cluster program. So the kernel goes on
if the cluster program ends, and a later cluster program finds it again. The supervisor writes
`supervisor.json` (`pid`, `started`) before the kernel begins, and `exit.json` (`exit_code`,
`reason`, …) after its end.

SIGTERM ends the kernel within the grace period, SIGUSR2 likewise because its time is up, and
SIGQUIT at once. If the kernel's folder is deleted, the supervisor ends the kernel at once, because
nobody could find it any more.

The supervisor writes the kernel's output to the log. Whoever connects to `supervisor.sock` gets the
memory in use in bytes, the processor time in milliseconds and the size of the log, after all output
so far is in the log.

Each kernel has its own supervisor, so its memory use must be small: it does not import pathlib,
typing or contextlib.
"""

from __future__ import annotations

import fcntl
import importlib
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
from .procfs import children, cpu_used, descendants, is_zombie, living, outside, send, stat_fields
from .sandboxing import choose
from .watch import LONGEST_WAIT, LimitWatcher, limit_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

ASKED_BY = {signal.SIGTERM: "user-requested", signal.SIGUSR2: "time-limit"}
"""The signals that ask the kernel to end, with the reasons of the end."""
TOO_MUCH = {"out-of-memory", "too-many-processes"}
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KEEP = "--keep="
KEPT = "ATOLL_KEPT_VARIABLES"
"""The variable that tells the kernel program which variables to pass on to programs."""
FOR_KERNEL = 4
"""How many descriptors the kernel program gets without a sandbox: the usual ones, its listener."""
KERNEL_NAME = "atoll-kernel"
"""What `ps` calls a kernel program that is a copy of its supervisor."""
HEADROOM = 2
"""Without a cgroup, a single process may allocate this many times the kernel's memory limit.

If the processes really use more than the limit, the kernel is ended at the next check."""


class Supervisor:
    """Starts the kernel that `launch` describes (see `preparation.py`), and runs until its end."""

    def __init__(
        self,
        launch: dict[str, Any],
        kept: dict[str, str],
        listener: socket.socket,
        asked: socket.socket,
    ) -> None:
        """Start the kernel, which accepts requests at `listener`, with the variables `kept`, too.

        At `asked`, the supervisor answers questions about memory and log.
        """
        self._launch, self._kept, self._asked = launch, kept, asked
        self._watch = LimitWatcher(launch["memory"], launch["processes"], launch["cgroups"])
        self._log = Log(launch["log"])
        self._signals, wakeup = os.pipe()
        for fd in (self._signals, wakeup):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wakeup)
        for number in (signal.SIGCHLD, signal.SIGQUIT, *ASKED_BY):
            signal.signal(number, lambda _number, _frame: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGQUIT, *ASKED_BY})
        self._reason = "self-terminated"
        self._deadline: float | None = None
        self._cpu_used = 0.0
        self._reads_log = True
        self._init: int | None = None
        self._child = self._spawn(listener)
        listener.close()
        os.close(self._log.writing)

    def run(self) -> int:
        """Handle signals until the kernel has ended; returns its task's exit code, else 0."""
        exit_code = None
        while exit_code is None:
            ready_files = self._wait()
            if self._signals in ready_files:
                self._handle_signals(os.read(self._signals, 512))
            if self._log.reading in ready_files and not self._log.take():
                self._reads_log = False  # all writers have closed the pipe
            if self._asked.fileno() in ready_files:
                self._answer()
            if reason := self._watch.exceeded(ready_files):
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

    def remark(self, text: str) -> None:
        """Write a line to the kernel's log."""
        if text:
            self._log.keep(text.encode())

    def _wait(self) -> list[int]:
        """Wait for a signal, output or a memory event; returns the ready descriptors."""
        wait_time = min(self._wait_time(), self._watch.wait_time())
        log = [self._log.reading] * self._reads_log
        reading = [self._signals, self._asked.fileno(), *log, *self._watch.notices]
        ready, _, urgent = select.select(reading, [], self._watch.changes, wait_time)
        return [*ready, *urgent]

    def _answer(self) -> None:
        """Answer a caller with the memory use, after all output so far is in the log."""
        self._log.take()
        try:
            with self._asked.accept()[0] as caller:
                usage = {
                    "memory": self._watch.memory(),
                    "cpu_used": round(cpu_used()),
                    "printed": self._log.printed(),
                }
                caller.send(json.dumps(usage).encode() + b"\n")
        except OSError:
            pass  # the caller has disconnected

    def _wait_time(self) -> float:
        if self._init is None and self._launch["wrappers"]:
            self._init = next(iter(children(self._child)), None)
            return 0.02
        if self._deadline is None:
            return LONGEST_WAIT
        return max(0, self._deadline - time.monotonic())

    def _is_overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _spawn(self, listener: socket.socket) -> int:
        # Descendants whose parent ends become our children, so that we can end them.
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
        """Make Linux end the kernel if its supervisor is killed, beginning right after the fork.

        Bubblewrap does this by itself, but only after it has started.
        """
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM if self._launch["plain"] else signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGKILL)

    def _become_kernel(self, listener: socket.socket) -> NoReturn:
        launch = self._launch
        environ = {**self._kept, **launch["environ"]}
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
        # A cluster's program that runs since before an upgrade names none.
        program = launch.get("program")
        if program and is_ours(launch["argv"], program):
            become(program, launch["argv"][-2:], environ)
        os.execvpe(launch["argv"][0], launch["argv"], environ)  # noqa: S606 - no shell is wanted

    def _handle_signals(self, numbers: bytes) -> None:
        if signal.SIGQUIT in numbers:
            self._reason = "force-terminated"
            self._kill()
            return
        reasons = [reason for number, reason in ASKED_BY.items() if number in numbers]
        if reasons and self._deadline is None:
            self._ask_to_end(reasons[0])

    def _ask_to_end(self, reason: str) -> None:
        """Send SIGTERM to the kernel program, which asks all programs below it, and to others."""
        self._reason = reason
        self._deadline = time.monotonic() + self._launch["grace"]
        self._take_figures()
        for pid in outside(descendants(os.getpid(), skip=self._launch["wrappers"])):
            send(pid, signal.SIGTERM)

    def _take_figures(self) -> None:
        """Record the resource use so far, because a killed sandbox does not report it."""
        self._cpu_used = max(self._cpu_used, cpu_used())
        self._watch.check()

    def _kill(self) -> None:
        """Kill all descendants of the kernel's first process, then the first process."""
        self._deadline = None
        self._take_figures()
        while pids := living(skip=1) or living():
            for pid in pids:
                send(pid, signal.SIGKILL)
            time.sleep(0.001)

    def _await_init(self) -> None:
        """Wait for the end of the sandbox's first process, which ends after bubblewrap."""
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


def kept_variables(words: Sequence[str]) -> dict[str, str]:
    """Return our own variables that the kernel gets, and a variable that lists their names."""
    patterns = [word[len(KEEP) :] for word in words if word.startswith(KEEP)]
    whole = {one for one in patterns if not one.endswith("*")}
    begins = tuple(one[:-1] for one in patterns if one.endswith("*"))
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in whole or (begins and name.startswith(begins))
    }
    return {**kept, KEPT: ":".join(kept)} if kept else {}


def give_files(descriptors: list[int]) -> None:
    """Make these descriptors 0, 1, 2, … in the program that this process executes next."""
    beyond = len(descriptors) + max(descriptors)
    aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, beyond) for fd in descriptors]
    for target, fd in enumerate(aside):
        os.dup2(fd, target)


def is_ours(argv: list[str], program: str) -> bool:
    """Return whether a command would run the kernel program with a Python like that of this
    process.
    """
    is_same = os.path.realpath(argv[0]) == os.path.realpath(sys.executable)
    is_like = argv[1:4] == ["-I", "-S", program] and sys.getfilesystemencoding() == "utf-8"
    return is_same and is_like


def become(program: str, words: list[str], environ: dict[str, str]) -> NoReturn:
    """Run the kernel program in this process, as if it were a new one, which takes longer to start.

    `words` are its arguments. It gets the first four descriptors.
    """
    with open("/proc/self/comm", "w", encoding="ascii") as name:
        name.write(KERNEL_NAME)
    os.closerange(FOR_KERNEL, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    for number in (signal.SIGCHLD, signal.SIGQUIT, *ASKED_BY):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environ)
    folder, package = os.path.split(program)
    sys.path.insert(0, folder)
    code = 1
    try:
        code = importlib.import_module(f"{package}.program").main(int(words[0]), words[1])
    except BaseException:  # noqa: BLE001 - nothing may get back into the supervisor
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def listen(name: str) -> socket.socket:
    """Listen at `name` in the current folder, because a socket address can have only 108 bytes."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.umask(0o177)
    listener.bind(name)
    os.umask(0o077)
    listener.listen(64)
    return listener


def prctl(option: int, value: int) -> None:
    import ctypes  # not imported earlier, because it takes a megabyte

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def detach() -> bool:
    """Continue in a new process that is a child of init; returns True in the new process."""
    if os.fork():
        return False
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    own_log = os.open("supervisor.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for fd, target in ((null, 0), (own_log, 1), (own_log, 2)):
        os.dup2(fd, target)
    return True


def main(words: Sequence[str], tell: int | None = None) -> int:
    """Run a kernel until its end; returns the exit code. The first word is the file `launch`.

    When the sockets exist, this writes a byte to the descriptor `tell`. Until then, the signals
    that end a kernel may be blocked.
    """
    launch = json.loads(read(words[0]))
    if "--detach" in words:
        ready, tell = os.pipe()
        if not detach():
            os.close(tell)
            sys.exit(0 if os.read(ready, 1) else 1)
    for number in (signal.SIGHUP, signal.SIGINT):
        # The cluster may ignore these signals (nohup), but sessions must not ignore them.
        signal.signal(number, signal.SIG_DFL)
    remark = choose(launch)
    listener, asked = listen("kernel.sock"), listen("supervisor.sock")
    pid = os.getpid()
    write_json(STATE, {"pid": pid, "started": int(stat_fields(pid)[19])})
    supervisor = Supervisor(launch, kept_variables(words[1:]), listener, asked)
    supervisor.remark(remark)
    if tell is not None:
        os.write(tell, b".")
        os.close(tell)
    return supervisor.run()
