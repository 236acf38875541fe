"""The kernel program: it serves the control socket and executes one run at a time."""

from __future__ import annotations

import base64
import contextlib
import os
import resource
import signal
import socket
import time
from collections import deque

from .child import Child
from .commands import Commands
from .interpreter import Interpreter
from .link import Link
from .loop import Loop
from .output import write_log
from .runs import ActiveRun, output
from .settings import Settings
from .terminal import Terminal
from .waiting import children, family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .services import Services
    from .stdin import InputPipe

REMEMBERED = 4
"""How many finished runs can still be followed."""
BOOTSTRAP_ENDED = "The user bootstrap script has exited with code {}\n"
"""The line that Backend.AI's kernels print, too; clients search for it."""
RETRY_PAUSE = 1.0
"""Seconds between interrupts of a run that must end."""
TASK_ENDED = 128 + signal.SIGTERM
"""The exit code of a kernel whose task was stopped before its end."""
ORPHANS_PAUSE = 0.01
"""Seconds between two checks of whether processes are left."""
MARGIN = 1.0
"""Seconds after the grace period, in which the supervisor kills the remaining processes."""


class Program:
    """Serves the engine's requests; each request is a JSON object with `op`.

    The answer to `ping` is `pong`, as soon as the kernel is ready. After `execute` (`run_id`,
    `mode`, `code`, `options`, `piped`) and `follow` (`run_id`), the connection carries the events
    of that run. `input` (`run_id`, `text`, null for the end) answers a run that asks for a line. To
    a piped run, `input` sends bytes (`data`, base64, null for the end), at most as many as the
    run's `room` events allow. `interrupt` (`run_id`, null for the current run) sends SIGINT, and
    `note` (`text`) prints a line to the log and the current run. These three requests have no
    answer.

    The answer to `complete` (`code`) contains `candidates`, the answer to `idle` the `seconds`
    since code last ran, null while code runs. The answer to `terminal` is `opened`, and then the
    connection belongs to a terminal (see `terminal.py`). The answer to `connect` (`app`, `port`,
    `arguments`, `envs`) is `connected` with a descriptor, the answer to `shutdown` (`app`) is
    `shut-down` (see `services.py`).
    """

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self._loop, self._settings = loop, settings
        self._commands = Commands(loop, settings, self._print)
        self._interpreter = Interpreter(loop, settings, self._print)
        self._waiting: deque[ActiveRun] = deque()
        self._current: ActiveRun | None = None
        self._runs: dict[str, ActiveRun] = {}
        self._ready = False
        self._pings: list[Link] = []
        self._terminals: dict[Link, Terminal] = {}
        self._services: Services | None = None
        self._idle_since = time.monotonic()
        self._parent = os.getppid()
        self._deadline = 0.0
        self._result: int | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.on_signal(number, self.stop)

    def bootstrap(self) -> None:
        """Run the session's bootstrap script, if there is one, then become ready."""
        if self._settings.bootstrap is None:
            self._become_ready()
            return
        argv = ["/bin/sh", self._settings.bootstrap]
        is_unended = False

        def show(stream: str, text: str) -> None:
            nonlocal is_unended
            is_unended = not text.endswith("\n")
            self._print(stream, text)

        try:
            script = Child(self._loop, self._settings, argv, show)
        except OSError as error:
            self._print("stderr", f"The bootstrap script did not start: {error}\n")
            self._print("stderr", BOOTSTRAP_ENDED.format(127))
            self._become_ready()
            return

        def ended(exit_code: int) -> None:
            script.output.leave()
            # Begin a new line if the script has not ended its last line.
            self._print("stderr", "\n" * is_unended + BOOTSTRAP_ENDED.format(exit_code))
            self._become_ready()

        self._loop.on_exit(script.process, ended)

    @property
    def exit_code(self) -> int:
        """The exit code of the program: that of its task, or 0 without a task."""
        if self._settings.task is None:
            return 0
        return TASK_ENDED if self._result is None else self._result

    def accept(self, sock: socket.socket) -> None:
        """Serve a new connection."""
        link = Link(
            self._loop,
            sock,
            lambda message: self._handle(link, message),
            lambda: self._forget_link(link),
        )

    def stop(self) -> None:
        """Ask all programs to end, once, and exit after them; the sandbox kills other processes."""
        if self._deadline:
            return
        self._ready = False
        self._deadline = time.monotonic() + self._settings.grace
        self._loop.later(self._settings.grace + MARGIN, self._kill)
        ask_to_end(family(os.getpid()))
        self._commands.expect_end()
        self._interpreter.expect_end()
        for terminal in self._terminals.values():
            terminal.hang_up()
        if self._services is not None:
            self._services.stop()
        self._loop.stop_when_childless()

    def await_orphans(self) -> None:
        """Wait, at most until the end of the grace period, for processes that lost their parent.

        Such processes are children of our parent now, which is the sandbox's first process or the
        supervisor. Their output is read meanwhile. They are killed when this program has ended.
        """
        while (
            len(children(self._parent)) > 1
            and os.getppid() == self._parent
            and time.monotonic() < self._deadline
        ):
            self._loop.turn(ORPHANS_PAUSE)

    def _kill(self) -> None:
        """Kill the programs that still run, because there may be no supervisor to do this."""
        self._commands.kill()
        self._interpreter.kill()

    def _handle(self, link: Link, message: dict[str, Any]) -> None:
        handlers: dict[str, Callable[[Link, dict[str, Any]], None]] = {
            "ping": self._ping,
            "execute": self._execute,
            "follow": self._follow,
            "input": self._input,
            "interrupt": self._interrupt,
            "complete": self._complete,
            "idle": self._report_idleness,
            "note": self._note,
            "terminal": self._open_terminal,
            "type": self._type,
            "resize": self._resize,
            "connect": lambda link, message: self._served().connect(link, message),
            "shutdown": lambda link, message: self._served().shut_down(link, message),
        }
        handler = handlers.get(message["op"])
        if handler is None:
            link.send({"error": f"unknown request: {message['op']}"})
        else:
            handler(link, message)

    def _note(self, _link: Link, message: dict[str, Any]) -> None:
        self._print("stderr", f"{message['text']}\n")

    def _ping(self, link: Link, _message: dict[str, Any]) -> None:
        if self._ready:
            link.send({"pong": os.getpid()})
        else:
            self._pings.append(link)

    def _execute(self, link: Link, message: dict[str, Any]) -> None:
        if message["run_id"] in self._runs:
            link.send({"error": f"the run {message['run_id']} exists already"})
            return
        run = ActiveRun(self._loop, self._settings.patience, message)
        self._runs[run.run_id] = run
        link.send({"run_id": run.run_id})
        run.follow(link)
        self._waiting.append(run)
        self._start_next()

    def _follow(self, link: Link, message: dict[str, Any]) -> None:
        run = self._runs.get(message["run_id"])
        if run is None:
            link.send({"error": f"there is no run {message['run_id']}"})
            return
        link.send({"run_id": run.run_id})
        run.follow(link)

    def _input(self, link: Link, message: dict[str, Any]) -> None:
        run = self._runs.get(message["run_id"])
        try:
            if run is not None and run.input is not None:
                self._pipe(run.input, message["data"])
            elif run is not None and run is self._current:
                self._executor(run).send_input(message["text"])
        except ValueError:  # the client has sent more bytes than allowed
            link.close()

    def _pipe(self, stdin: InputPipe, data: str | None) -> None:
        if data is None:
            stdin.end()
        else:
            stdin.send(base64.b64decode(data))

    def _interrupt(self, _link: Link, message: dict[str, Any]) -> None:
        self._interrupt_run(message["run_id"])

    def _interrupt_run(self, run_id: str | None) -> None:
        if self._current is not None and run_id in (None, self._current.run_id):
            self._executor(self._current).interrupt()
        for run in [run for run in self._waiting if run.run_id == run_id]:
            self._waiting.remove(run)
            run.finish(128 + signal.SIGINT)
            self._end_with_task(run, 128 + signal.SIGINT)

    def _complete(self, link: Link, message: dict[str, Any]) -> None:
        def answer(candidates: list[str]) -> None:
            link.send({"candidates": candidates})

        if self._settings.language == "python":
            self._interpreter.complete(message["code"], answer)
        else:
            answer([])

    def _report_idleness(self, link: Link, _message: dict[str, Any]) -> None:
        is_idle = self._current is None and not self._waiting
        link.send({"seconds": time.monotonic() - self._idle_since if is_idle else None})

    def _open_terminal(self, link: Link, _message: dict[str, Any]) -> None:
        try:
            terminal = Terminal(self._loop, self._settings, link, lambda: self._forget(link))
        except OSError as error:
            link.send({"error": f"no terminal can be opened: {error.strerror}"})
            return
        self._terminals[link] = terminal
        link.send({"event": "opened"})

    def _type(self, link: Link, message: dict[str, Any]) -> None:
        if link in self._terminals:
            self._terminals[link].type(message)

    def _resize(self, link: Link, message: dict[str, Any]) -> None:
        if link in self._terminals:
            self._terminals[link].resize(message)

    def _served(self) -> Services:
        """Return the services; they are imported at first use, because most kernels need none."""
        if self._services is None:
            from .services import Services

            self._services = Services(self._loop, self._settings)
        return self._services

    def _forget(self, link: Link) -> None:
        """Forget a terminal whose shell has ended, and close its connection."""
        self._terminals.pop(link, None)
        link.finish()

    def _become_ready(self) -> None:
        self._ready = True
        for link in self._pings:
            link.send({"pong": os.getpid()})
        self._pings.clear()
        if self._settings.task is not None:
            self._add_task(self._settings.task)
        self._start_next()

    def _add_task(self, task: dict[str, str]) -> None:
        options = {"exec": task["command"]}
        request = {"run_id": task["run_id"], "mode": "batch", "code": "", "options": options}
        run = ActiveRun(self._loop, self._settings.patience, {**request, "piped": False})
        self._runs[run.run_id] = run
        self._waiting.appendleft(run)

    def _start_next(self) -> None:
        if self._current is None and self._waiting and self._ready:
            self._current = self._waiting.popleft()
            self._executor(self._current).start(self._current, self._finished)

    def _executor(self, run: ActiveRun) -> Interpreter | Commands:
        stateful = run.mode == "query" and self._settings.language == "python"
        return self._interpreter if stateful else self._commands

    def _finished(self, exit_code: int) -> None:
        run, self._current = self._current, None
        self._idle_since = time.monotonic()
        if run is not None:
            run.finish(exit_code)
            self._end_with_task(run, exit_code)
        over = [run_id for run_id, run in self._runs.items() if run.finished]
        for run_id in over[:-REMEMBERED]:
            del self._runs[run_id]
        self._loop.later(0, self._start_next)

    def _end_with_task(self, run: ActiveRun, exit_code: int) -> None:
        """Stop the kernel if this run is its task, because the kernel exists only for its task."""
        if self._settings.task is not None and run.run_id == self._settings.task["run_id"]:
            self._result = exit_code
            self._loop.later(0, self.stop)
            # The supervisor kills the processes that run longer than this.
            self._loop.later(self._settings.grace + 2 * MARGIN, self._loop.stop)

    def _forget_link(self, link: Link) -> None:
        if link in self._terminals:
            self._terminals[link].hang_up()
        for run in list(self._runs.values()):
            run.unfollow(link)
            if run.is_cut_off:
                self._end_cut_off(run)

    def _end_cut_off(self, run: ActiveRun) -> None:
        """Interrupt a run whose client left before the end of the input, again until the run ends.

        Otherwise the run would treat a part of the input as all of it. One interrupt may not be
        enough, because a shell that is about to start a program may miss it.
        """
        self._interrupt_run(run.run_id)
        if not run.finished:
            self._loop.later(RETRY_PAUSE, lambda: self._end_cut_off(run))

    def _print(self, stream: str, text: str) -> None:
        write_log(text)
        if self._current is not None:
            self._current.emit(output(stream, text))


def ask_to_end(pids: Iterable[int]) -> None:
    """Send SIGTERM once to each process group of these processes, but not to our own group."""
    groups = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
    for group in groups - {os.getpgrp()}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGTERM)


def main(listening_fd: int, settings_file: str) -> int:
    """Serve until a signal or the end of the task; returns the exit code.

    Standard output must be the kernel's log.
    """
    loop = Loop()
    listener = socket.socket(fileno=listening_fd)
    listener.setblocking(False)
    settings = Settings(settings_file)
    if settings.processes is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (settings.processes, settings.processes))
    program = Program(loop, settings)

    def accept() -> None:
        with contextlib.suppress(OSError):
            program.accept(listener.accept()[0])

    loop.on_readable(listener.fileno(), accept)
    program.bootstrap()
    loop.run()
    program.await_orphans()
    return program.exit_code
