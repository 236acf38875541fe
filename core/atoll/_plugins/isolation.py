"""Undoes what a third party's module does to the process while it is imported.

What it prints goes to standard error under its name, since standard output is for data. A folder,
stream or signal handler that it changes is restored. A slow import costs a warning; time in which
a busy machine gave it no processor does not count.
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
"""Seconds of its own from which on an import is named."""
_MOST_PRINTED = 2000
"""How many characters that were printed are repeated."""


@contextmanager
def isolated(
    origin: Origin,
    doing: str,
    warn: Callable[[str], None],
    *,
    descriptors: bool = False,
) -> Iterator[None]:
    """Keep the process unchanged while a third party's code is imported or called.

    With `descriptors`, output that programs and libraries write past Python is caught too; only at
    the start, when no other thread writes. Only the main thread restores, and no other waits for
    it.
    """
    if threading.current_thread() is not threading.main_thread():
        # What changes meanwhile is the main thread's doing, which goes on with its own work.
        yield
        return
    printed = _Printed(sys.stdout)
    kept = [(one, one.read()) for one in _KEPT]
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
    """Measures this thread's time without that in which other programs had its processor."""

    def __init__(self) -> None:
        self._without = _without_processor()
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds that have passed since it was made: of work, and of sleep."""
        passed = time.monotonic() - self._began
        return passed - (_without_processor() - self._without)


def _without_processor() -> float:
    """Return for how many seconds this thread had to wait for a processor since it began; zero
    where the system does not tell.
    """
    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()
        return int(fields[1]) / 1e9
    return 0.0


class _Printed(io.RawIOBase):
    """Replaces standard output while a plugin's code runs, and keeps what that prints.

    Other threads print as usual. Code that keeps a reference, as a log handler does, prints to
    standard error afterwards.
    """

    def __init__(self, original: Any) -> None:
        self.original = original
        self.text = ""
        self.stream = io.TextIOWrapper(self, "utf-8", "replace", write_through=True)  # type: ignore[type-var]  # it buffers nothing
        self._thread: int | None = threading.get_ident()

    def fileno(self) -> int:
        """Return that of standard error, for programs that are started with it."""
        return sys.stderr.fileno()

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Keep what is printed, or pass it on."""
        text = bytes(data).decode(errors="replace")
        if self._thread is None:
            sys.stderr.write(text)
        elif self._thread != threading.get_ident():
            self.original.write(text)
        else:
            self.text += text[: max(0, _MOST_PRINTED - len(self.text))]
        return len(data)

    def end(self) -> None:
        """Pass on everything from now on."""
        self._thread = None


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _diverted(printed: _Printed) -> Iterator[None]:
    """Catch what is written to descriptor 1 past Python."""
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
    """Something in the process that a plugin's import must not change."""

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
        return None  # it was deleted


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
    # Only the main thread may, and only it may have changed one.
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _stream(name: str) -> _Kept:
    return _Kept(
        f"sys.{name}", lambda: getattr(sys, name), lambda before: setattr(sys, name, before)
    )


_KEPT = (
    _stream("stderr"),
    _stream("stdin"),
    _stream("excepthook"),
    _Kept("the folder", _folder, _go_to),
    _Kept("the umask", _umask, os.umask),
    _Kept("signal handlers", _handlers, _handle),
    _Kept("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
)
