"""Query runs in Python: one interpreter process that keeps its state between runs."""

from __future__ import annotations

import array
import os
import signal
import socket

from .child import Child
from .link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .loop import Loop
    from .runs import ActiveRun
    from .settings import Settings
    from .stdin import InputPipe

CELL = os.path.join(os.path.dirname(__file__), "cell.py")


class Interpreter:
    """Starts the interpreter at its first use, and again if it has ended."""

    def __init__(self, loop: Loop, settings: Settings, sink: Callable[[str, str], None]) -> None:
        self._loop, self._settings, self._sink = loop, settings, sink
        self._child: Child | None = None
        self._link: Link | None = None
        self._files: socket.socket | None = None
        self._run: ActiveRun | None = None
        self._done: Callable[[int], None] = lambda _code: None
        self._completing: list[Callable[[list[str]], None]] = []

    def start(self, run: ActiveRun, done: Callable[[int], None]) -> None:
        """Execute the run's code; `done` gets the exit code, after all output of the run."""
        self._run, self._done = run, done
        run.on_pressure = self._set_pressure
        try:
            link = self._connect()
            if run.input is not None:
                self._hand_over(run.input)
            link.send({"op": "run", "code": run.code, "piped": run.input is not None})
        except OSError as error:
            self._sink("stderr", f"{self._settings.argv[0]}: {error.strerror}\n")
            self._finish(127)

    def send_input(self, text: str | None) -> None:
        """Send a line of input; None means the end of the input."""
        if self._link is not None:
            self._link.send({"op": "line", "text": text})

    def interrupt(self) -> None:
        if self._child is not None and self._run is not None:
            self._child.interrupt()

    def complete(self, code: str, answer: Callable[[list[str]], None]) -> None:
        """Find completions among the user's objects; the list is empty while code runs."""
        if self._run is not None:
            answer([])
            return
        try:
            link = self._connect()
        except OSError:
            answer([])
            return
        self._completing.append(answer)
        link.send({"op": "complete", "code": code})

    def expect_end(self) -> None:
        """Read the last output: the interpreter was asked to end, and ends as Python does."""
        if self._child is not None:
            self._child.output.resume()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def _connect(self) -> Link:
        if self._link is not None:
            return self._link
        ours, theirs = socket.socketpair()
        our_files, their_files = socket.socketpair()
        with theirs, their_files:
            fds = (theirs.fileno(), their_files.fileno())
            argv = [*self._settings.argv, CELL, *map(str, fds)]
            child = Child(self._loop, self._settings, argv, self._sink, pass_fds=fds)
        self._child, self._files = child, our_files
        self._loop.on_exit(child.process, self._exited)
        self._link = Link(self._loop, ours, self._handle_message, lambda: None, self._give_up)
        return self._link

    def _hand_over(self, stdin: InputPipe) -> None:
        """Send the reading end of a run's input over a separate socket, which is never full."""
        if self._files is not None:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [stdin.reading]))
            self._files.sendmsg([b"."], [rights])
            stdin.hand_over()

    def _handle_message(self, message: dict[str, Any]) -> None:
        event = message.get("event")
        if not makes_sense(message) or (event == "completions" and not self._completing):
            self._give_up()
            return
        if event == "completions":
            self._completing.pop(0)(message["candidates"])
            return
        if self._child is not None:
            self._child.output.drain()
        if event == "done":
            self._finish(message["exit_code"])
        elif self._run is not None:
            self._run.emit(message)
            if event == "media" and self._link is not None:
                # The user's code waits for this, so that its next output comes after the picture.
                self._link.send({"op": "shown"})

    def _give_up(self) -> None:
        """Kill an interpreter that sends invalid messages, because the user's code changed it."""
        if self._run is not None:
            self._run.emit({"event": "fault", "reason": "its interpreter sent an invalid message"})
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    def _exited(self, exit_code: int) -> None:
        child, link = self._child, self._link
        self._child = self._link = None
        if link is not None:
            link.close()
        if self._files is not None:
            self._files.close()
            self._files = None
        if child is not None:
            child.output.leave()
        for answer in self._completing:
            answer([])
        self._completing.clear()
        if self._run is not None:
            self._sink("stderr", explain_exit(exit_code, self._settings.memory))
            self._finish(exit_code)

    def _finish(self, exit_code: int) -> None:
        self._run, done = None, self._done
        self._set_pressure(high=False)
        done(exit_code)

    def _set_pressure(self, high: bool) -> None:
        if self._child is not None:
            (self._child.output.pause if high else self._child.output.resume)()


def makes_sense(message: dict[str, Any]) -> bool:
    """Return whether a message from an interpreter is valid."""
    shapes: dict[object, dict[str, type]] = {
        "completions": {"candidates": list},
        "done": {"exit_code": int},
        "media": {"mime": str, "data": str},
        "input": {"is_password": bool},
    }
    shape = shapes.get(message.get("event")) if isinstance(message.get("event"), str) else None
    return shape is not None and all(
        isinstance(message.get(name), kind) for name, kind in shape.items()
    )


def explain_exit(exit_code: int, memory: int | None) -> str:
    """Return a line for the user about the end of the interpreter."""
    signals = {128 + number: number.name for number in signal.Signals}
    how = signals.get(exit_code, f"exit code {exit_code}")
    if exit_code == 128 + signal.SIGKILL and memory is not None:
        how += f", perhaps for using more than {memory >> 20} MiB of memory"
    return f"The interpreter has ended ({how}); its variables are lost.\n"
