"""Runs programs in their own process groups, as a shell runs its jobs."""

import os
import signal
import subprocess
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import trio
from attrs import define, field

from atoll._foreground import Foreground

Change = Literal["stopped", "continued", "ended"]
_SIGNALLED = 128
_CHANGES = os.WSTOPPED | os.WCONTINUED
_ENDS = (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED)
_CHANGE: dict[int, Change] = {
    os.CLD_STOPPED: "stopped",
    os.CLD_TRAPPED: "stopped",
    os.CLD_CONTINUED: "continued",
}
_LAST = 1.0
"""Seconds to wait for processes that a program has left. They have got a signal, but it may take a
moment until they have ended; some ignore it.
"""
_PAUSE = 0.01
_WAITS = trio.CapacityLimiter(1_000_000)
"""A very high limit, since a thread waits for each program as long as it runs."""
_GATE = ("/bin/sh", "-c", 'kill -s STOP $$; exec "$0" "$@"')
"""A shell that stops before it becomes the program, so that the terminal can be lent to
it first.
"""


@define(eq=False)
class Child:
    """A program in a process group of its own.

    `foreground` is the terminal that can be lent to it; None if there is none.
    """

    process: "subprocess.Popen[bytes]"
    foreground: Foreground | None = None
    _modes: list[Any] | None = field(default=None, repr=False)
    """The terminal's modes at the time when the program was stopped."""

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        foreground: Foreground | None = None,
        blocked: Collection[int] = (),
        **options: Any,
    ) -> "Child":
        """Start a program. `options` are those of :class:`subprocess.Popen`. With `foreground`, the
        program gets the terminal before it runs. The signals in `blocked` are blocked at its start;
        they arrive when the program unblocks them.

        Raises OSError.
        """

        def start() -> "subprocess.Popen[bytes]":
            gate = _GATE if foreground else ()
            # A child inherits the blocked signals of the thread that starts it.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
            try:
                return subprocess.Popen([*gate, *command], process_group=0, **options)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

        child = cls(await trio.to_thread.run_sync(start, limiter=_WAITS), foreground)
        if foreground is not None:
            try:
                await child.change()
            except trio.Cancelled:
                child.signal(signal.SIGKILL)
                raise
            child.go_on(foreground=True)
        return child

    @property
    def code(self) -> int:
        """The exit code of a program that has ended; 128 and the signal's number if a signal ended
        it.
        """
        code = self.process.wait()
        return code if code >= 0 else _SIGNALLED - code

    async def change(self) -> Change:
        """Wait until the program is stopped, is continued, or has ended."""
        while not (change := await self._next_change()):
            pass
        return change

    async def _next_change(self) -> Change | None:
        """Wait for a change; None if another call has already taken it."""
        wait = partial(os.waitid, os.P_PID, self.process.pid, _CHANGES | os.WEXITED | os.WNOWAIT)
        try:
            found = await trio.to_thread.run_sync(wait, abandon_on_cancel=True, limiter=_WAITS)
        except ChildProcessError:  # its exit code was already collected
            return "ended"
        if found is None or found.si_code in _ENDS:
            return "ended"  # `process` collects the exit code later
        with suppress(ChildProcessError):  # it has ended meanwhile
            # Not in a thread: after a cancellation, an abandoned thread would take the next change.
            found = os.waitid(os.P_PID, self.process.pid, _CHANGES | os.WNOHANG)  # noqa: ASYNC222  # by WNOHANG
            return None if found is None else _CHANGE[found.si_code]
        return None

    def go_on(self, *, foreground: bool) -> None:
        """Continue the program, in the foreground or in the background."""
        if foreground and self.foreground is not None:
            self.foreground.lend(self.process.pid, self._modes)
        self.signal(signal.SIGCONT)

    def give_back(self) -> None:
        """Take the terminal back, if it was lent to the program."""
        if self.foreground is not None and self.foreground.lent == self.process.pid:
            self._modes = self.foreground.take_back()

    def signal(self, number: int) -> None:
        """Send a signal to the program and all processes of its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    async def end(self, first: int, grace: float) -> None:
        """End the program by a signal, and by SIGKILL if it has not ended after `grace` seconds."""
        with trio.CancelScope(shield=True):
            self.signal(first)
            self.signal(signal.SIGCONT)
            with trio.move_on_after(grace) as patience:
                while await self.change() != "ended":
                    pass
            if patience.cancelled_caught:
                self.signal(signal.SIGKILL)
                while await self.change() != "ended":
                    pass
            # Processes that the program has started since the first signal have not received that
            # signal.
            self.signal(signal.SIGTERM)
            self.process.wait()
            with trio.move_on_after(_LAST):
                while self._has_processes:  # noqa: ASYNC110  # nobody tells that others end
                    await trio.sleep(_PAUSE)

    @property
    def _has_processes(self) -> bool:
        """Whether there are still processes in the group of the program, which itself has ended."""
        try:
            os.killpg(self.process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
