"""A small event loop: file descriptors, timers, signals and ended children.

The kernel program does not use asyncio, which needs twice the memory, because this program takes
most of an idle kernel's memory.
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


class Timer:
    """A scheduled call that can be cancelled."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Runs callbacks in the main thread, see :meth:`run`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._children: dict[subprocess.Popen[bytes], Callable[[int], None]] = {}
        self._signals: dict[int, Callable[[], object]] = {}
        self._stopping = False
        self._wakeup, write_end = os.pipe()
        for fd in (self._wakeup, write_end):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        self.on_readable(self._wakeup, self._handle_signals)
        self.on_signal(signal.SIGCHLD, self._reap)

    def on_readable(self, fd: int, callback: Callable[[], object] | None) -> None:
        """Call back whenever `fd` can be read; None removes the callback."""
        self._set(fd, selectors.EVENT_READ, callback)

    def on_writable(self, fd: int, callback: Callable[[], object] | None) -> None:
        """Call back whenever `fd` can be written; None removes the callback."""
        self._set(fd, selectors.EVENT_WRITE, callback)

    def later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def on_signal(self, number: int, callback: Callable[[], object]) -> None:
        self._signals[number] = callback
        signal.signal(number, lambda _number, _frame: None)

    def on_exit(self, child: subprocess.Popen[bytes], callback: Callable[[int], None]) -> None:
        """Call back once with the exit code of `child` (128 + signal if a signal killed it)."""
        self._children[child] = callback
        self.later(0, self._reap)

    def stop_when_childless(self) -> None:
        self._stopping = True

    def stop(self) -> None:
        """Stop, even if child processes run."""
        self._stopping = True
        self._children.clear()

    def run(self) -> None:
        """Run callbacks until the loop was asked to stop and no child process is left."""
        while self._children or not self._stopping:
            self.turn(self._timeout())

    def turn(self, longest: float | None) -> None:
        """Wait at most that many seconds for events, and run their callbacks."""
        for key, events in self._selector.select(longest):
            for event in (selectors.EVENT_READ, selectors.EVENT_WRITE):
                if events & event:
                    self._callbacks(key.fd).get(event, _nothing)()
        self._run_timers()

    def _callbacks(self, fd: int) -> dict[int, Callable[[], object]]:
        key = self._selector.get_map().get(fd)
        return key.data if key is not None else {}

    def _set(self, fd: int, event: int, callback: Callable[[], object] | None) -> None:
        callbacks = dict(self._callbacks(fd))
        if callbacks:
            self._selector.unregister(fd)
        if callback is None:
            callbacks.pop(event, None)
        else:
            callbacks[event] = callback
        if callbacks:
            self._selector.register(fd, sum(callbacks), callbacks)

    def _timeout(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                timer.callback()

    def _handle_signals(self) -> None:
        for number in set(os.read(self._wakeup, 512)):
            if number in self._signals:
                self._signals[number]()

    def _reap(self) -> None:
        for child in list(self._children):
            returncode = child.poll()
            if returncode is not None:
                self._children.pop(child)(exit_code(returncode))


def _nothing() -> None:
    """Do nothing, in place of a callback that another callback has just removed."""


def exit_code(returncode: int) -> int:
    """Convert a return code to the shell's form: 128 + signal instead of a negative number."""
    return returncode if returncode >= 0 else 128 - returncode
