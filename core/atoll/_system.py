"""Runs commands of the system's shell: `! make`, and the command after `|`."""

import os
import signal
import subprocess
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import IO

import trio

from atoll._capture import Capture

_SHELL = ("/bin/sh", "-c")
_KEYS = (signal.SIGINT, signal.SIGQUIT)
_GRACE = 3
"""Seconds between SIGTERM and SIGKILL for a command that is cancelled."""


def pipe_into(
    command: str,
    stdin: int,
    *,
    stdout: IO[str] | None = None,
    variables: Mapping[str, str] = {},
) -> "subprocess.Popen[bytes]":
    """Start a command that reads from the descriptor `stdin`.

    It writes to `stdout`, by default to the program's own. `variables` are added to its
    environment.
    """
    return subprocess.Popen([*_SHELL, command], stdin=stdin, stdout=stdout, env=_environ(variables))


def _environ(variables: Mapping[str, str]) -> Mapping[str, str] | None:
    return {**os.environ, **variables} if variables else None


async def run_system(
    command: str,
    stdin: IO[str] | None,
    *,
    foreground: bool,
    stdout: IO[str] | None = None,
    variables: Mapping[str, str] = {},
) -> int:
    """Run a command until it ends; returns its exit code, 128 and the signal's number if a signal
    ended it.

    In the foreground, the command uses the terminal and gets Ctrl-C. In the background, its input
    is empty. It writes to `stdout`, by default to the program's own. `variables` are added to its
    environment.
    """
    sys.stdout.flush()
    with _ignoring_keys() if foreground else nullcontext():
        done = await trio.run_process(
            [*_SHELL, command],
            stdin=stdin if foreground and stdin else subprocess.DEVNULL,
            stdout=stdout,
            env=_environ(variables),
            check=False,
            start_new_session=not foreground,
            deliver_cancel=_end if foreground else _end_all,
        )
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


@contextmanager
def _ignoring_keys() -> Iterator[None]:
    r"""Ignore Ctrl-C and Ctrl-\ in this process: the command gets them too."""
    # trio's signal receiver is not used: when it is closed, it sends signals that it has not
    # delivered again, and these would clear the next line of the prompt.
    before = {number: signal.signal(number, lambda *_: None) for number in _KEYS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def run_captured(command: str, given: bytes, capture: Capture) -> int:
    """Run a command with `given` as its input, and write its output to a capture; returns its exit
    code.
    """
    async with trio.open_nursery() as nursery:
        run = partial(
            trio.run_process,
            [*_SHELL, command],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            start_new_session=True,
            deliver_cancel=_end_all,
        )
        process: trio.Process = await nursery.start(run)
        nursery.start_soon(_keep, process, capture, nursery.cancel_scope)
        code = await process.wait()
        # A program that the command has left in the background may keep the pipe open for ever.
        nursery.cancel_scope.deadline = trio.current_time() + _GRACE
    return code if code >= 0 else 128 - code


async def _keep(process: trio.Process, capture: Capture, scope: trio.CancelScope) -> None:
    """Write the output of a process to a capture, until the output ends."""
    assert process.stdout is not None  # noqa: S101  # asked for at its start
    decode = getincrementaldecoder("utf-8")("replace").decode
    async for chunk in process.stdout:
        capture.write("stdout", decode(chunk))
    await process.wait()
    scope.cancel()


async def _end(process: trio.Process) -> None:
    process.terminate()
    await trio.sleep(_GRACE)
    process.kill()


async def _end_all(process: trio.Process) -> None:
    """End a command and all processes that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        await trio.sleep(_GRACE)
        os.killpg(process.pid, signal.SIGKILL)
