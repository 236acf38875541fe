"""Measures the time of each part of the start and of commands, for `--timings`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from attrs import define, field

SLOW = 0.25
"""Seconds from which on a plugin is called slow."""
_LEAST = 0.001
"""A part that took less than this, in seconds, is not listed, unless it is always listed."""
_LONGEST_NAME = 60


@define
class Ledger:
    """The seconds that each part has taken, and how often it was done."""

    _parts: dict[str, tuple[float, int]] = field(factory=dict)
    _wanted: set[str] = field(factory=set)

    def add(self, part: str, seconds: float, *, always: bool = False) -> None:
        """Add to the time of a part; with `always`, it is listed even if it was quick."""
        taken, times = self._parts.get(part, (0.0, 0))
        self._parts[part] = (taken + seconds, times + 1)
        if always:
            self._wanted.add(part)

    def lines(self, title: str, total: float) -> list[str]:
        """Return the parts as lines, the slowest first."""
        rows = sorted(self._parts.items(), key=lambda one: -one[1][0])
        parts = [
            (f"  {_named(part, times)}", taken)
            for part, (taken, times) in rows
            if taken >= _LEAST or part in self._wanted
        ]
        width = max(len(name) for name, _ in [(title, total), *parts])
        return [
            f"{title:<{width}}  {total:7.3f} s",
            *(f"{name:<{width}}  {taken:7.3f} s{_slow(name, taken)}" for name, taken in parts),
        ]


def _named(part: str, times: int) -> str:
    short = part if len(part) <= _LONGEST_NAME else f"{part[: _LONGEST_NAME - 1]}…"
    return f"{short} ({times} times)" if times > 1 and not _is_plugin(part) else short


def _is_plugin(part: str) -> bool:
    return part.startswith("plugin '")


def _slow(name: str, taken: float) -> str:
    return "  slow" if taken >= SLOW and _is_plugin(name.lstrip()) else ""


ledger: ContextVar[Ledger | None] = ContextVar("ledger", default=None)
"""The ledger of the running code; None without `--timings`."""


@contextmanager
def measured(part: str, *, always: bool = False) -> Iterator[None]:
    """With `--timings`, measure a part of the running code; `always` is as in
    :meth:`Ledger.add`.
    """
    book = ledger.get()
    if book is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        book.add(part, time.perf_counter() - began, always=always)


@contextmanager
def reporting(title: str) -> Iterator[None]:
    """With `--timings`, measure a command and its parts, and print them at its end."""
    if ledger.get() is None:
        yield
        return
    began, book = time.perf_counter(), Ledger()
    token = ledger.set(book)
    try:
        yield
    finally:
        ledger.reset(token)
        _tell(book.lines(title, time.perf_counter() - began))


def begin() -> None:
    """Start to measure. The time until now, of Python and the first imports, is the first part."""
    book = Ledger()
    ledger.set(book)
    if (seconds := _since_process_began()) is not None:
        book.add("Python, and the first imports", seconds)


def tell_start() -> None:
    """Print the timings of the start."""
    if (book := ledger.get()) is not None:
        _tell(book.lines("start", _since_process_began() or 0.0))


def _tell(lines: list[str]) -> None:
    with suppress(OSError):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()


def _since_process_began() -> float | None:
    """Return the age of this process in seconds, to a hundredth; None if it is not known."""
    import os

    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        began = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    return None
