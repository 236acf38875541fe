"""A tunnel that is a job of the prompt: what rate it keeps while the prompt does something else.

The same download runs while nothing is typed, while keys are pressed, with a pager open, and while
a line writes into a pipe that nobody reads. All take turns, and the best of each is shown beside
that of the idle prompt:

    python tests/benchmarks/shell_tunnel.py [ROUNDS]
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import pexpect
from common import ATOLL, free_port, say
from tunnel import APP_PORT, answers, download, session

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
KEYS_PER_SECOND = 20
_DEADLINE = 60.0


def main() -> None:
    """Print MB/s for each, and its ratio to the idle prompt's."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = stack.enter_context(session(folder))
        port = free_port()
        prompt = Prompt(environ, folder)
        stack.callback(prompt.close)
        prompt.run(f"app bench {APP_PORT} -b {port} &")
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
                    rates[name].append(download(port))
    best = {name: max(found) for name, found in rates.items()}
    for name, rate in best.items():
        say(f"{name:11}{rate:8.0f} MB/s   {rate / best['idle']:.2f}")


def wait_for(port: int) -> None:
    """Wait until the tunnel works."""
    deadline = time.monotonic() + _DEADLINE
    while not answers(port):
        if time.monotonic() > deadline:
            sys.exit("the tunnel does not answer")
        time.sleep(0.1)


class Prompt:
    """A prompt on a terminal, whose output is read all the time."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.child = pexpect.spawn(
            ATOLL, env={**environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}, timeout=_DEADLINE
        )
        self.child.delaybeforesend = None
        self.child.expect_exact("atoll>")
        (folder / "long").write_text("a line\n" * 1_000_000)
        self.folder = folder

    def close(self) -> None:
        self.child.close(force=True)

    def run(self, line: str) -> None:
        """Run a line, and wait for the prompt."""
        self.child.send(f"{line}\r")
        self.child.expect_exact("\x1b[?2004l")
        self.child.expect_exact("atoll>")

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Do nothing."""
        yield

    @contextmanager
    def typed_at(self) -> Iterator[None]:
        """Press keys, as fast as anybody types."""
        with beside(self._press):
            yield
        self.child.send("\x15")

    def _press(self, done: Event) -> None:
        while not done.wait(1 / KEYS_PER_SECOND):
            self.child.send("p")
            self.child.read_nonblocking(10_000, timeout=1)

    @contextmanager
    def paging(self) -> Iterator[None]:
        """Look at something by the pager."""
        self.child.send(f"ps | cat - {self.folder}/long | less\r")
        self.child.expect_exact(":")
        yield
        self.child.send("q")
        self.child.expect_exact("atoll>")

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Write into a pipe that nobody reads."""
        self.child.send("help | sh -c 'echo be''gun; sleep 1000'\r")
        self.child.expect_exact("begun")
        yield
        self.child.send("\x03")
        self.child.expect_exact("atoll>")


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
