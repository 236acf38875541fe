"""ssh: runs a shell or a command on the remote host, with a terminal if there is one here."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh

from atoll_ssh.client.arguments import Arguments, Misused
from atoll_ssh.client.connection import connection

_SIGNALLED = 128
_FAILED = 255


async def main(arguments: Arguments) -> int:
    """Run the command that the command line names; returns its exit code."""
    if not arguments.rest:
        raise Misused("no host is named")
    target, *words = arguments.rest
    async with connection(arguments, target) as connected:
        options: dict[str, Any] = {"encoding": None, **_streams()}
        with _blocking_again():
            if not _wants_terminal(arguments, words):
                process = await connected.create_process(" ".join(words) or None, **options)
                return _code(await process.wait())
            options |= {"term_type": os.environ.get("TERM", "dumb"), "term_size": _size()}
            with _raw():
                process = await connected.create_process(" ".join(words) or None, **options)
                _follow_size(process)
                return _code(await process.wait())


def _streams() -> dict[str, int]:
    # These are copies, since asyncssh closes the files that it gets. And asyncio can't wait for the
    # null device.
    is_null = os.path.samestat(os.fstat(0), os.stat(os.devnull))  # noqa: PTH116  # a device, no path
    return {
        "stdin": asyncssh.DEVNULL if is_null else os.dup(0),
        "stdout": os.dup(1),
        "stderr": os.dup(2),
    }


def _wants_terminal(arguments: Arguments, words: list[str]) -> bool:
    if "T" in arguments.flags or not sys.stdin.isatty():
        return False
    return not words or "t" in arguments.flags


def _code(ended: Any) -> int:
    """Return ssh's exit code: that of the program, or the code of a shell if the program was
    killed.
    """
    if ended.exit_signal:
        number = getattr(signal, f"SIG{ended.exit_signal[0]}", None)
        return _SIGNALLED + number if number else _FAILED
    return _FAILED if ended.exit_status is None else int(ended.exit_status)


def _size() -> tuple[int, int]:
    size = shutil.get_terminal_size()
    return size.columns, size.lines


def _follow_size(process: Any) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, lambda: process.change_terminal_size(*_size()))


@contextmanager
def _raw() -> Iterator[None]:
    """Put the terminal into raw mode."""
    import termios
    import tty

    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSANOW)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)


@contextmanager
def _blocking_again() -> Iterator[None]:
    """Make our streams blocking again, since other programs that share them expect that."""
    before = {number: os.get_blocking(number) for number in (0, 1, 2)}
    try:
        yield
    finally:
        for number, blocks in before.items():
            os.set_blocking(number, blocks)
