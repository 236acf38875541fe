"""The program that holds a job for the cases of a sweep: it runs one kernel after another.

It runs on the node, in the job's script, as `python holder.py SECONDS FD` in the `run/` of its
allocation, and needs nothing but a Python, 3.9 or newer. It writes a byte to the descriptor FD when
it listens. Each kernel is a step of the job.
`launcher.json` contains the first request. The cluster sends further ones to `kernel.sock`, as
lines of JSON, and everyone who is connected is told what happens:

    {"op": "start", "kernel": …, "folder": …, "argv": [srun, …], "seconds": … or null}
    {"op": "end", "kernel": …, "grace": …}
    {"op": "leave"}
    {"event": "holds", "kernel": … or null, "step": …, "node": …, "ended": the last end, or null}
    {"event": "accepted" | "refused" | "began" | "ended", "kernel": …, …}

Without a kernel, it ends after some seconds, and the job with it, even if the cluster's program
does not run any more.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOCKET, NOTES, ERRORS = "kernel.sock", "../launcher.json", "step.err"
SUPERVISOR, STEP = "supervisor.json", "step"
"""Files in the `run/` of a kernel: the process of its supervisor, the number of its step."""
TIME_IS_UP = signal.SIGUSR2
"""The signal by which Slurm, and then a supervisor, hears that the time of a job is up."""
CHECK_INTERVAL = 0.01
"""Seconds between two checks whether a new kernel has started."""
LAST = 15.0
"""Seconds after the grace period, after which a kernel that was asked to end is killed."""
NOTICE = 60.0
"""The grace period of a kernel whose time is up."""
LONGEST_LINE = 2**20
OUT_OF_MEMORY = ("out of memory", "oom-kill", "oom_kill")


class Step:
    """A kernel that runs as a step of the job."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.kernel, self.folder = request["kernel"], request["folder"]
        self.has_begun = self.by_job = False
        self.reason: str | None = None
        self.kill_at: float | None = None
        seconds = request.get("seconds")
        self.limit = None if seconds is None else time.monotonic() + seconds
        with open(ERRORS, "wb") as errors:
            self._srun = subprocess.Popen(
                request["argv"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        return self._srun.poll() is not None

    def begins(self) -> bool:
        """Return whether the kernel has begun just now, and can be connected to."""
        if self.has_begun or SUPERVISOR not in names_in(self.folder):
            return False
        self.has_begun = True
        return True

    def told(self) -> dict[str, Any]:
        """Return the number of the step, and the seconds until its time is up."""
        left = None if self.limit is None else max(0.0, self.limit - time.monotonic())
        return {"step": read(os.path.join(self.folder, STEP)).strip(), "left": left}

    def end(self, grace: float, number: int = signal.SIGTERM) -> None:
        """Ask the kernel's supervisor to end, at once if there is no grace; kill it later."""
        if self.kill_at is None or not grace:
            self.kill_at = time.monotonic() + grace + LAST
            try:
                pid = int(json.loads(read(os.path.join(self.folder, SUPERVISOR)))["pid"])
                os.kill(pid, number if grace else signal.SIGQUIT)
            except (OSError, ValueError, LookupError, TypeError):
                self.kill()  # It has not begun yet.

    def kill(self) -> None:
        """Have Slurm kill the step."""
        self.kill_at = None
        if not self.has_ended():
            self._srun.terminate()

    def watch_time(self) -> None:
        """End the kernel if its time is up, and kill it if it has not ended in time."""
        now = time.monotonic()
        if self.limit is not None and now >= self.limit:
            self.limit, self.reason = None, "time-limit"
            self.end(NOTICE, TIME_IS_UP)
        if self.kill_at is not None and now >= self.kill_at:
            self.kill()

    def next_event(self) -> float:
        """Return the seconds until something is to be done."""
        if not self.has_begun:
            return CHECK_INTERVAL
        times = [one for one in (self.limit, self.kill_at) if one is not None]
        return max(0.0, min(times) - time.monotonic()) if times else 3600.0

    def ended(self) -> dict[str, Any]:
        """Describe how the step has ended; `by_job` means that the job's end was its reason."""
        said = read(ERRORS).strip()
        ran_out = any(words in said.lower() for words in OUT_OF_MEMORY)
        return {
            "event": "ended",
            "kernel": self.kernel,
            "code": self._srun.returncode,
            "reason": "out-of-memory" if ran_out else self.reason,
            "said": said.splitlines()[-1][:500] if said else "",
            "by_job": self.by_job,
        }


class Holder:
    """Runs kernels one after another, until it is idle for too long or has to leave."""

    def __init__(self, idle: float, listener: socket.socket) -> None:
        self._idle, self._listener = idle, listener
        self._callers: dict[socket.socket, bytes] = {}
        self._step: Step | None = None
        self._last: dict[str, Any] | None = None
        self._is_leaving = False
        self._deadline = time.monotonic() + idle
        self._signals, wakeup = os.pipe()
        for descriptor in (self._signals, wakeup):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(wakeup)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT, TIME_IS_UP):
            signal.signal(number, lambda _number, _frame: None)

    def run(self, first: dict[str, Any]) -> int:
        """Run the first kernel, and those that are asked for; returns the exit code of the job."""
        self._start(first)
        while self._step is not None or not self._is_over():
            reading: list[Any] = [self._signals, self._listener, *self._callers]
            ready, _, _ = select.select(reading, [], [], self._patience())
            if self._signals in ready:
                self._obey(os.read(self._signals, 4096))
            if self._listener in ready:
                self._accept()
            for caller in [one for one in ready if one in self._callers]:
                self._hear(caller)
            self._look_at_step()
        return 0

    def _is_over(self) -> bool:
        return self._is_leaving or time.monotonic() >= self._deadline

    def _patience(self) -> float:
        if self._step is not None:
            return self._step.next_event()
        return max(0.0, self._deadline - time.monotonic())

    def _obey(self, numbers: bytes) -> None:
        """Slurm sends SIGTERM when the job is cancelled or preempted."""
        for number in (signal.SIGQUIT, signal.SIGTERM, TIME_IS_UP):
            if number in numbers:
                self._is_leaving = True
                if self._step is not None:
                    self._step.by_job = True
                    self._step.end(0 if number == signal.SIGQUIT else NOTICE, number)
                return

    def _look_at_step(self) -> None:
        step = self._step
        if step is None:
            return
        if step.begins():
            self._tell({"event": "began", "kernel": step.kernel, **step.told()})
        if step.has_ended():
            self._step, self._last = None, step.ended()
            self._deadline = time.monotonic() + self._idle
            self._tell(self._last)
        else:
            step.watch_time()

    def _accept(self) -> None:
        caller = self._listener.accept()[0]
        caller.settimeout(5)
        self._callers[caller] = b""
        step = self._step
        state = {
            "event": "holds",
            "kernel": step.kernel if step else None,
            **(step.told() if step and step.has_begun else {"step": None}),
            "node": os.environ.get("SLURMD_NODENAME", ""),
            "ended": self._last,
        }
        self._send(caller, state)

    def _hear(self, caller: socket.socket) -> None:
        try:
            data = caller.recv(65536)
        except OSError:
            data = b""
        *lines, rest = (self._callers[caller] + data).split(b"\n")
        if not data or len(rest) > LONGEST_LINE:
            self._drop(caller)
            return
        self._callers[caller] = rest
        for line in lines:
            try:
                self._do(caller, json.loads(line))
            except (ValueError, LookupError, TypeError):
                self._drop(caller)

    def _do(self, caller: socket.socket, request: dict[str, Any]) -> None:
        step, op = self._step, request["op"]
        if op == "start":
            is_free = step is None and not self._is_leaving
            answer = "accepted" if is_free else "refused"
            self._send(caller, {"event": answer, "kernel": request["kernel"]})
            if is_free:
                self._start(request)
        elif op == "end" and step is not None and step.kernel == request["kernel"]:
            step.end(request["grace"])
        elif op == "leave":
            self._is_leaving = True

    def _start(self, request: dict[str, Any]) -> None:
        try:
            self._step = Step(request)
        except OSError as error:
            said = f"srun: {error.strerror}"
            self._last = {"event": "ended", "kernel": request["kernel"], "code": 127,
                "reason": None, "said": said, "by_job": False}  # fmt: skip
            self._tell(self._last)

    def _tell(self, message: dict[str, Any]) -> None:
        for caller in list(self._callers):
            self._send(caller, message)

    def _send(self, caller: socket.socket, message: dict[str, Any]) -> None:
        try:
            caller.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._drop(caller)

    def _drop(self, caller: socket.socket) -> None:
        self._callers.pop(caller, None)
        caller.close()


def names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def listen() -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o177)
    listener.bind(SOCKET)
    os.umask(0o077)
    listener.listen(8)
    return listener


if __name__ == "__main__":
    holder = Holder(float(sys.argv[1]), listen())
    os.write(int(sys.argv[2]), b".")
    os.close(int(sys.argv[2]))
    sys.exit(holder.run(json.loads(read(NOTES))["request"]))
