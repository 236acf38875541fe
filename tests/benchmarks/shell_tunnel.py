"""A tunnel that is a job of the prompt: what rate it keeps while the prompt does something else,
and how long a key takes meanwhile.

The same downloads run while nothing is typed, while keys are pressed, with a pager open, and while
a line writes into a pipe that nobody reads. All take turns. The best of each is shown beside that
of the idle prompt, and then the times of the keys, with and without the time for which others had
the processors:

    python tests/benchmarks/shell_tunnel.py [ROUNDS]
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

from common import ATOLL, free_port, say
from terminal import Terminal
from tunnel import APP_PORT, answers, download, session

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
DOWNLOADS = 4
"""How many one after the other make a turn: a single one is over too soon."""
PACE = 0.1
"""Seconds between two keys, as of a fast typist. Each takes up to 5 ms of a processor, which the
tunnel and its peer need, too: 50 keys a second would take an eighth of a processor.
"""
LATE, KEPT = 0.016, 0.9
"""Seconds that 99 of 100 keys may take at the most; what the tunnel keeps of its rate at least."""
_DEADLINE = 60.0
_ACCEPTED, _SHOWS = b"\x1b[?2004l", b"\x1b[?2004h"


def main() -> None:
    """Print MB/s for each, its ratio to the idle prompt's, and the times of keys."""
    with ExitStack() as stack:
        # A process of its own, which waits for no key.
        elsewhere = stack.enter_context(ProcessPoolExecutor(1))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = stack.enter_context(session(folder))
        port = free_port()
        prompt = Prompt(environ, folder)
        stack.callback(prompt.close)
        prompt.run(f"app bench {APP_PORT} -b {port} &")
        prompt.until(f"127.0.0.1:{port}".encode())
        wait_for(port)
        busy = {
            "idle": prompt.idle,
            "keys": prompt.typed_at,
            "pager": prompt.paging,
            "stuck pipe": prompt.stuck,
        }
        rates: dict[str, list[float]] = {name: [] for name in busy}
        for _ in range(ROUNDS):
            for name, doing in busy.items():
                with doing():
                    rates[name] += elsewhere.map(download, [port] * DOWNLOADS)
    best = {name: max(found) for name, found in rates.items()}
    for name, rate in best.items():
        say(f"{name:11}{rate:8.0f} MB/s   {rate / best['idle']:.2f}")
    shown, alone = zip(*prompt.times, strict=True)
    say(f"{len(shown)} keys meanwhile: {times(shown)}; had they a processor: {times(alone)}")
    met = quantile(alone) <= LATE and best["keys"] >= best["idle"] * KEPT
    say(f"99 of 100 keys within {LATE * 1000:.0f} ms, {KEPT} of the rate: {'yes' if met else 'NO'}")
    say(f"at a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def times(found: tuple[float, ...]) -> str:
    """Return the median and the 99th percentile, to be shown."""
    return f"median {statistics.median(found) * 1000:.1f} ms, 99 % {quantile(found) * 1000:.1f} ms"


def quantile(found: tuple[float, ...]) -> float:
    """Return the time that 99 of 100 take at the most."""
    return statistics.quantiles(found, n=100)[98]


def wait_for(port: int) -> None:
    """Wait until the tunnel works."""
    deadline = time.monotonic() + _DEADLINE
    while not answers(port):
        if time.monotonic() > deadline:
            sys.exit("the tunnel does not answer")
        time.sleep(0.1)


class Prompt:
    """A prompt on a terminal."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.terminal = Terminal([ATOLL], environ)
        self.folder, self.shown = folder, b""
        self.times: list[tuple[float, float]] = []
        """What each key took, as it was and had it a processor to itself."""
        (folder / "long").write_text("a line\n" * 1_000_000)
        self.until(_SHOWS)

    def close(self) -> None:
        """End it."""
        self.terminal.close()

    def until(self, mark: bytes) -> None:
        """Read until something is written; exits with what was written if it does not come."""
        deadline = time.monotonic() + _DEADLINE
        while mark not in self.shown:
            if not self.terminal.wait(max(deadline - time.monotonic(), 0)):
                sys.exit(f"waited {_DEADLINE:.0f} s for {mark!r}, and got {self.shown[-2000:]!r}")
            self.shown += self.terminal.read()
        self.shown = self.shown.partition(mark)[2]

    def run(self, line: str) -> None:
        """Run a line, and wait for the prompt."""
        self.enter(line)
        self.until(_SHOWS)

    def enter(self, line: str) -> None:
        """Enter a line."""
        self.terminal.press(f"{line}\r")
        self.until(_ACCEPTED)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Do nothing."""
        yield

    @contextmanager
    def typed_at(self) -> Iterator[None]:
        """Press keys."""
        self.terminal.rest()
        with beside(self._press):
            yield
        self.terminal.press("\x15")

    def _press(self, done: Event) -> None:
        number = 0
        while not done.is_set():
            self.times.append(self.terminal.time("rm bench "[number % 9]))
            number += 1
            until = time.monotonic() + PACE
            while (left := until - time.monotonic()) > 0:
                if self.terminal.wait(left):
                    self.terminal.read()

    @contextmanager
    def paging(self) -> Iterator[None]:
        """Look at something by the pager."""
        self.enter(f"ps | cat - {self.folder}/long | less")
        self.until(b"\x1b[K")
        yield
        self.terminal.press("q")
        self.until(_SHOWS)

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Write into a pipe that nobody reads."""
        self.enter("help | sh -c 'echo be''gun; sleep 1000'")
        self.until(b"begun")
        yield
        self.terminal.press("\x03")
        self.until(_SHOWS)


@contextmanager
def beside(work: Callable[[Event], None]) -> Iterator[None]:
    """Do something on a thread meanwhile."""
    done = Event()
    thread = Thread(target=work, args=(done,))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
