"""Undoes changes to the process that a third party's module makes while it is imported.

Text that it prints goes to standard error with its name, since standard output is for data. If it
changes the current folder, a stream or a signal handler, these are restored. A slow import causes a
warning; time in which a busy machine gave it no processor does not count.
"""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from atoll._plugins.origins import Origin

SLOW = 0.5
"""Seconds of an import's own time above which a warning names the plugin."""
_MOST_PRINTED = 2000
"""The most printed characters that are repeated."""


@contextmanager
def isolated(
    origin: Origin,
    doing: str,
    warn: Callable[[str], None],
    *,
    descriptors: bool = False,
) -> Iterator[None]:
    """Keep the process unchanged while a third party's code is imported or called.

    With `descriptors`, output that does not go through Python is caught too; this is possible only
    at the start, when no other thread writes. Only the main thread restores anything; other threads
    do not wait for it.
    """
    if threading.current_thread() is not threading.main_thread():
        # Changes during this time come from the main thread, which continues with its own work.
        yield
        return
    printed = _Printed(sys.stdout)
    kept = [(one, one.read()) for one in _KEPT_STATES]
    watch = _Watch()
    with _diverted(printed) if descriptors else _nothing():
        sys.stdout = printed.stream
        try:
            yield
        finally:
            took = watch.seconds()
            replaced = [] if sys.stdout is printed.stream else ["sys.stdout"]
            sys.stdout = printed.original
            changed = replaced + [one.name for one, before in kept if _put_back(one, before)]
            printed.end()
    _tell(origin, doing, warn, printed.text, changed, took)


def _tell(
    origin: Origin,
    doing: str,
    warn: Callable[[str], None],
    printed: str,
    changed: list[str],
    took: float,
) -> None:
    if printed.strip():
        warn(f"{origin}: {doing} printed: {' '.join(printed.split())}")
    if changed:
        warn(f"{origin}: {doing} changed {', '.join(changed)}, which was put back")
    if took > SLOW:
        warn(f"{origin}: {doing} took {took:.1f} s")


class _Watch:
    """Measures this thread's time, without the time in which other programs used its processor."""

    def __init__(self) -> None:
        self._without = _without_processor()
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since this object was made: time of work, and time of sleep."""
        passed = time.monotonic() - self._began
        return passed - (_without_processor() - self._without)


def _without_processor() -> float:
    """Return how many seconds this thread had to wait for a processor since its start; zero if the
    system does not tell.
    """
    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()
        return int(fields[1]) / 1e9
    return 0.0


class _Printed(io.RawIOBase):
    """Replaces standard output while a plugin's code runs, and keeps what that code prints.

    Other threads print as usual. Code that keeps a reference, as a log handler does, prints to
    standard error afterwards.
    """

    def __init__(self, original: Any) -> None:
        self.original = original
        self.text = ""
        self.stream = io.TextIOWrapper(self, "utf-8", "replace", write_through=True)  # type: ignore[type-var]  # it buffers nothing
        self._thread: int | None = threading.get_ident()

    def fileno(self) -> int:
        """Return the descriptor of standard error, for programs that are started with this file."""
        return sys.stderr.fileno()

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Keep a printed text, or pass it on."""
        text = bytes(data).decode(errors="replace")
        if self._thread is None:
            sys.stderr.write(text)
        elif self._thread != threading.get_ident():
            self.original.write(text)
        else:
            self.text += text[: max(0, _MOST_PRINTED - len(self.text))]
        return len(data)

    def end(self) -> None:
        """From now on, pass everything on."""
        self._thread = None


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _diverted(printed: _Printed) -> Iterator[None]:
    """Catch output to descriptor 1 that does not go through Python."""
    with suppress(OSError, ValueError):
        printed.original.flush()
    with TemporaryFile() as file:
        saved = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            file.seek(0)
            printed.text += file.read(_MOST_PRINTED).decode(errors="replace")


class _Kept(NamedTuple):
    """A part of the process that a plugin's import must not change."""

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object]


def _put_back(kept: _Kept, before: Any) -> bool:
    """Restore it if it was changed; returns whether it was."""
    after = kept.read()
    if after == before:
        return False
    with suppress(OSError, ValueError, TypeError):
        kept.restore(before)
    return True


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  # a text is compared, not a path walked
    except OSError:
        return None  # the folder was deleted


def _go_to(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _handle(before: dict[int, Any]) -> None:
    # Only the main thread can change a signal handler.
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _stream(name: str) -> _Kept:
    return _Kept(
        f"sys.{name}", lambda: getattr(sys, name), lambda before: setattr(sys, name, before)
    )


_KEPT_STATES = (
    _stream("stderr"),
    _stream("stdin"),
    _stream("excepthook"),
    _Kept("the folder", _folder, _go_to),
    _Kept("the umask", _umask, os.umask),
    _Kept("signal handlers", _handlers, _handle),
    _Kept("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
)
