"""Programs as their users start them, each in an environment and a folder of its own."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from attrs import define, field, frozen

_DEADLINE = 120.0
"""Seconds after which a program is taken to hang."""


@frozen
class Finished:
    """What a program left behind."""

    code: int
    out: str
    err: str


@define
class Running:
    """A program that is under way; what it prints can be waited for."""

    process: "subprocess.Popen[bytes]"
    _printed: dict[str, bytes] = field(factory=lambda: {"out": b"", "err": b""})
    _ended: set[str] = field(factory=set)
    _news: threading.Condition = field(factory=threading.Condition)
    _readers: list[threading.Thread] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        pipes = {"out": self.process.stdout, "err": self.process.stderr}
        for item in pipes.items():
            self._readers.append(threading.Thread(target=self._read, args=item))
            self._readers[-1].start()

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        while some := os.read(pipe.fileno(), 65536):
            with self._news:
                self._printed[stream] += some
                self._news.notify_all()
        with self._news:
            self._ended.add(stream)
            self._news.notify_all()

    def wait_for(self, text: str, stream: str = "out") -> None:
        """Wait until the program has printed `text`; fails when it ends, or hangs, without."""
        wanted = text.encode()
        with self._news:
            self._news.wait_for(
                lambda: wanted in self._printed[stream] or stream in self._ended, _DEADLINE
            )
            assert wanted in self._printed[stream], self._printed

    def has_printed(self, text: str) -> bool:
        """Whether the program has printed `text` so far, on either stream."""
        with self._news:
            return any(text.encode() in printed for printed in self._printed.values())

    def printed(self) -> str:
        """Return what the program has printed so far on standard output."""
        with self._news:
            return self._printed["out"].decode()

    def say(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def finish(self) -> Finished:
        """Wait for the end."""
        code = self.process.wait(_DEADLINE)
        for reader in self._readers:
            reader.join(_DEADLINE)
        return Finished(code, *(text.decode() for text in self._printed.values()))


@frozen
class Program:
    """A command in an environment and a folder of its own; nothing of the tester's own gets in."""

    command: Sequence[str]
    home: Path
    environ: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> Finished:
        """Run it to its end."""
        done = subprocess.run(
            [*self.command, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=_DEADLINE,
            **self._place(environ),
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def started(self, *arguments: str, **environ: str) -> Iterator[Running]:
        """Start it; it is killed, with what it has started, should that still run at the end.

        Without arguments it takes lines; a command has nothing to read.
        """
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        if arguments:
            pipes["stdin"] = subprocess.DEVNULL
        command, place = [*self.command, *arguments], self._place(environ)
        with subprocess.Popen(command, start_new_session=True, **pipes, **place) as process:
            running = Running(process)
            try:
                yield running
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                running.finish()

    def _place(self, environ: Mapping[str, str]) -> dict[str, object]:
        self.home.mkdir(exist_ok=True)
        plain = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        return {"cwd": self.home, "env": {**plain, **self.environ, **environ}}
