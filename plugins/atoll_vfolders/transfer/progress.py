"""The progress line of a transfer: files, bytes, rate and remaining time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio
from attrs import define, field

from atoll import Context
from atoll.output import binary_size, counted

_REDRAW = 0.1
_WINDOW = 5.0
"""The rate is measured over this many seconds."""


@define
class Progress:
    """Counts the files and bytes of a transfer; `total` files of `size` bytes are expected.

    `whole` is the number of bytes in the `files` that are complete, `done` the number in all files.
    """

    verb: str
    show: Callable[[str], None]
    total: int = 0
    size: int = 0
    files: int = 0
    whole: int = 0
    done: int = 0
    _start: float = field(factory=trio.current_time)
    _marks: list[tuple[float, int]] = field(factory=list)
    _drawn: float = 0.0

    def expect(self, files: int, size: int) -> None:
        """Add to the expected numbers of files and bytes."""
        self.total += files
        self.size += size
        self._draw()

    def move(self, size: int) -> None:
        """Count transferred bytes; a negative number counts lost bytes."""
        self.done += size
        self._draw()

    def finish(self, size: int) -> None:
        """Count one file of this size as complete."""
        self.files += 1
        self.whole += size
        self._draw()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return trio.current_time() - self._start

    def _draw(self) -> None:
        now = trio.current_time()
        if now - self._drawn < _REDRAW:
            return
        self._drawn = now
        self._marks.append((now, self.done))
        while now - self._marks[0][0] > _WINDOW:
            del self._marks[0]
        self.show(self._line())

    def _line(self) -> str:
        (first, before), (last, after) = self._marks[0], self._marks[-1]
        rate = (after - before) / (last - first) if last > first else 0.0
        figures = f"{self.files:,} of {counted(self.total)}"
        sizes = f"{binary_size(self.done)} of {binary_size(self.size)}"
        if rate <= 0:
            return f"{self.verb} {figures}, {sizes}"
        left = max(self.size - self.done, 0) / rate
        return f"{self.verb} {figures}, {sizes}, {binary_size(rate)}/s, {_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def show_progress(context: Context, verb: str) -> Iterator[Progress]:
    """Show the progress line during the block, on a terminal only."""
    with context.output.progress(f"{verb} …") as show:
        yield Progress(verb, show)
