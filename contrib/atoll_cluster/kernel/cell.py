"""The interpreter of query runs, a REPL: started as `python cell.py <fd> <fd>`.

It imports no other module of atoll except `rich_display.py`, because it shares its process with the
user's code. The first socket carries lines of JSON: this program receives `run`, `line`, `shown`
and `complete`, and sends `input`, `media`, `completions` and `done`. The second socket carries the
descriptor of the standard input of a `run` that is `piped`. The user's code prints to the usual
standard streams.
"""

from __future__ import annotations

import array
import ast
import atexit
import builtins
import contextlib
import getpass
import importlib.util
import io
import json
import linecache
import os
import re
import signal
import socket
import sys
import threading
import traceback
import types
from typing import Any

INTERRUPTED = 130
LARGEST_RESULT = 16 * 1024 * 1024
"""Most bytes of a message with a picture or a page."""
MOST_CANDIDATES = 1000


class Channel:
    """The connection to the kernel program, which carries one message per line."""

    def __init__(self, fd: int, files_fd: int) -> None:
        self._socket, self._files = socket.socket(fileno=fd), socket.socket(fileno=files_fd)
        for one in (self._socket, self._files):
            one.set_inheritable(False)
        self._pending = b""
        self._talking = threading.RLock()
        self._owner = os.getpid()

    def send(self, **message: Any) -> None:
        self.send_line(encode(**message))

    def send_line(self, line: bytes) -> None:
        if os.getpid() != self._owner:
            raise EOFError("only the first process of the interpreter can ask its user")
        with self._talking:
            self._socket.sendall(line)

    def ask(self, line: bytes, op: str) -> dict[str, Any]:
        """Send a message and wait for its answer; only one thread at a time can do this."""
        with self._talking:
            self.send_line(line)
            return self.receive(op)

    def receive(self, *ops: str) -> dict[str, Any]:
        """Wait for a message of these kinds; raises EOFError if the kernel program has ended.

        This ignores other messages, which are late answers to interrupted questions.
        """
        while True:
            message = self._next()
            if message["op"] in ops:
                return message

    def _next(self) -> dict[str, Any]:
        while b"\n" not in self._pending:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def receive_file(self) -> int:
        """Return the descriptor that was sent before the last message."""
        size = socket.CMSG_LEN(array.array("i").itemsize)
        rights = self._files.recvmsg(1, size)[1]
        return array.array("i", rights[0][2])[0]


class UserInput(io.RawIOBase):
    """A standard input that asks the user for each line."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._rest = b""

    def ask(self, prompt: object = "", *, is_password: bool = False) -> str:
        sys.stdout.write(str(prompt))
        flush()
        message = self._channel.ask(encode(event="input", is_password=is_password), "line")
        if message["text"] is None:
            raise EOFError("the input has ended")
        return str(message["text"])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            try:
                self._rest = (self.ask() + "\n").encode("utf-8", "surrogateescape")
            except EOFError:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class Cells:
    """Executes pieces of code, one after the other, in the same `__main__`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._count = 0
        self._pid = os.getpid()
        self._nothing = os.open(os.devnull, os.O_RDONLY)
        self._input, self._getpass = builtins.input, getpass.getpass
        self.is_leaving = False
        self._main = types.ModuleType("__main__")
        self._main.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = self._main
        self._rich_display = load_beside("rich_display").RichDisplay(self._show)
        self._rich_display.install()
        sys.displayhook = self._display

    def run(self, code: str, stdin: int | None) -> int:
        """Execute `code` and return its exit code; errors are printed, not raised.

        `stdin` is a descriptor; None means to ask the user for each line.
        """
        if stdin is None:
            self._ask_for_input()
        else:
            self._take_input(stdin)
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            exit_code = self._execute(code)
        except KeyboardInterrupt:
            exit_code = INTERRUPTED
        finally:
            signal.signal(signal.SIGINT, ignore)
        flush()
        if os.getpid() != self._pid:
            os._exit(exit_code)
        if stdin is not None:
            os.dup2(self._nothing, 0)
        return exit_code

    def leave(self, _number: int, _frame: object) -> None:
        """End as Python does: flush, join threads, call `atexit` functions."""
        signal.signal(signal.SIGTERM, ignore)
        self.is_leaving = True
        raise SystemExit(128 + signal.SIGTERM)

    def complete(self, code: str) -> list[str]:
        import rlcompleter  # it imports readline, which most sessions never need

        word = re.search(r"[A-Za-z_][\w.]*$", code)
        completer = rlcompleter.Completer(self._main.__dict__)
        found: list[str] = []
        while word is not None and len(found) < MOST_CANDIDATES:
            candidate = completer.complete(word.group(), len(found))
            if candidate is None:
                break
            found.append(candidate)
        return found

    def _execute(self, code: str) -> int:
        try:
            for part in self._compile(code):
                exec(part, self._main.__dict__)  # noqa: S102 - executing code is what a kernel does
        except SystemExit as error:
            return exit_code_of(error)
        except KeyboardInterrupt as error:
            report(error)
            return INTERRUPTED
        except BaseException as error:  # noqa: BLE001 - user code may raise anything at all
            report(error)
            return 1
        return 0

    def _compile(self, code: str) -> list[types.CodeType]:
        """Compile the statements, and separately a last expression, whose value is shown."""
        self._count += 1
        name = f"<code {self._count}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        parts = [compile(tree, name, "exec", dont_inherit=True)]
        if last is not None:
            parts.append(compile(ast.Interactive([last]), name, "single", dont_inherit=True))
        return parts

    def _display(self, value: object) -> None:
        """Print a value, and also send it as a picture or page if it has one."""
        sys.__displayhook__(value)
        self._rich_display.rich(value)

    def _show(self, mime: str, data: str) -> None:
        flush()
        message = encode(event="media", mime=mime, data=data)
        if len(message) <= LARGEST_RESULT:
            self._channel.ask(message, "shown")
            return
        size, most = len(data) / 2**20, LARGEST_RESULT >> 20
        sys.stderr.write(f"[{size:.0f} MiB of {mime} are not shown: {most} MiB can be]\n")
        flush()

    def _take_input(self, stdin: int) -> None:
        """Make a descriptor the standard input of the code and of programs that it starts."""
        os.dup2(stdin, 0)
        os.close(stdin)
        stdin_file = io.FileIO(0, closefd=False)
        sys.stdin = io.TextIOWrapper(
            io.BufferedReader(stdin_file), encoding="utf-8", errors="surrogateescape"
        )
        builtins.input, getpass.getpass = self._input, self._getpass

    def _ask_for_input(self) -> None:
        """Give each run a new standard input, because the code may close it."""
        user = UserInput(self._channel)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(user), encoding="utf-8")
        builtins.input = user.ask
        getpass.getpass = lambda prompt="Password: ", stream=None, **_: user.ask(  # noqa: ARG005
            prompt, is_password=True
        )


def load_beside(name: str) -> Any:
    """Load a module of this folder, with a name that does not conflict with the user's modules."""
    path = os.path.join(os.path.dirname(__file__), f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"_atoll_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def encode(**message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


def report(error: BaseException) -> None:
    """Print a traceback without the frames of this program."""
    report = traceback.TracebackException(type(error), error, error.__traceback__)
    hide_own_frames(report)
    flush()
    with contextlib.suppress(OSError, ValueError):  # the user's code may have closed the stream
        sys.stderr.write("".join(report.format()))


def hide_own_frames(report: traceback.TracebackException | None) -> None:
    """Remove the frames of this folder's files, also those inside `input()` and in causes."""
    if report is None:
        return
    here = os.path.dirname(__file__)
    report.stack[:] = [frame for frame in report.stack if os.path.dirname(frame.filename) != here]
    for other in (
        report.__cause__,
        report.__context__,
        *(getattr(report, "exceptions", None) or []),
    ):
        hide_own_frames(other)


def exit_code_of(error: SystemExit) -> int:
    """Return the exit code of a `sys.exit`; if it has a text, print it as Python does."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{error.code}\n")
    return 1


def flush() -> None:
    """Flush every output buffer, also those of C libraries."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):  # the user's code may have replaced it by any object
            stream.flush()  # type: ignore[union-attr]  # even None
    if "ctypes" in sys.modules:
        sys.modules["ctypes"].CDLL(None).fflush(None)


def ignore(_number: int, _frame: object) -> None:
    """Ignore a late interrupt; unlike SIG_IGN, child processes do not inherit this handler."""


def prepare_streams() -> None:
    sys.argv = [""]
    if sys.path[0] == os.path.dirname(__file__):
        sys.path[0] = ""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                encoding="utf-8", errors="replace", line_buffering=True, write_through=False
            )


def let_forks_end() -> None:
    """Let SIGTERM end forked processes as usual, because pools of processes need that.

    SIGTERM is blocked during a fork, because Python would lose a signal that arrives before the new
    process is ready.
    """

    def in_fork() -> None:
        with contextlib.suppress(ValueError):  # only the main thread may set a handler
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        mask(signal.SIG_UNBLOCK)

    def mask(how: int) -> None:
        signal.pthread_sigmask(how, {signal.SIGTERM})

    os.register_at_fork(
        before=lambda: mask(signal.SIG_BLOCK),
        after_in_parent=lambda: mask(signal.SIG_UNBLOCK),
        after_in_child=in_fork,
    )


def serve(channel: Channel) -> None:
    cells = Cells(channel)
    signal.signal(signal.SIGTERM, cells.leave)
    let_forks_end()
    # Python calls this function last at its exit. It ignores SIGTERM from then on, because Python
    # removes its own handlers before it closes open files.
    atexit.register(signal.signal, signal.SIGTERM, signal.SIG_IGN)
    while not cells.is_leaving:
        message = channel.receive("run", "complete")
        if message["op"] == "run":
            stdin = channel.receive_file() if message["piped"] else None
            channel.send(event="done", exit_code=cells.run(message["code"], stdin))
        elif message["op"] == "complete":
            channel.send(event="completions", candidates=cells.complete(message["code"]))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, ignore)
    conversation = Channel(*map(int, sys.argv[1:]))
    prepare_streams()
    with contextlib.suppress(EOFError):
        serve(conversation)
