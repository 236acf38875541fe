"""Commands of the system's shell: `! make`, and what a statement's output goes into by `|`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import IO

import trio

_SHELL = ("/bin/sh", "-c")
_GRACE = 3
"""Seconds that a command in the background has for its end."""


def pipe_into(command: str) -> "subprocess.Popen[str]":
    """Start a command that reads what is written to its standard input."""
    return subprocess.Popen([*_SHELL, command], stdin=subprocess.PIPE, text=True)


async def run_system(command: str, stdin: IO[str] | None, *, foreground: bool) -> int:
    """Run a command to its end; returns its exit code, 128 and more where a signal ended it.

    In the foreground the terminal is its own, and so is Ctrl-C. In the background it reads nothing.
    """
    sys.stdout.flush()
    with _deaf_to_keys() if foreground else nullcontext():
        done = await trio.run_process(
            [*_SHELL, command],
            stdin=stdin if foreground and stdin else subprocess.DEVNULL,
            check=False,
            start_new_session=not foreground,
            deliver_cancel=_end if foreground else _end_all,
        )
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


@contextmanager
def _deaf_to_keys() -> Iterator[None]:
    """Do nothing at Ctrl-C, which goes to the command as well."""
    # Not a receiver of trio's: one that is closed sends what it has not handed out once more, and
    # that would clear the next line of the prompt.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _end(process: trio.Process) -> None:
    process.terminate()
    await trio.sleep(_GRACE)
    process.kill()


async def _end_all(process: trio.Process) -> None:
    """End a command with everything that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        await trio.sleep(_GRACE)
        os.killpg(process.pid, signal.SIGKILL)
