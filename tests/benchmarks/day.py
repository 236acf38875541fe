"""A day at one prompt: what 5,000 commands, 50 jobs, 20 restarts of clusters and 5 clusters leave
behind in it.

The prompt stays open on a terminal all the time. Memory, descriptors, threads and tasks are shown
after every tenth of the day. In the second half, none of them may be more than the most in the
first, memory by 3 % at the most, and at the end there may be no process left. It takes some
minutes, and breaks off with what the prompt was at when something does not come:

    python tests/benchmarks/day.py [COMMANDS]
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from attrs import define, field, frozen
from common import ATOLL, embedded_cluster, plain_environment, run, say
from terminal import Terminal

COMMANDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
JOBS, RESTARTS, CLUSTERS, SHOWN = 50, 20, 5, 10
PATIENCE = 60.0
"""Seconds that a command may take, and whatever else is waited for."""
LONGEST = 1_800.0
"""Seconds after which the day is broken off."""
GROWTH = 1.03
"""How many times the memory of the first half there may be in the second."""
SYNC = 25
"""After so many commands it is made sure that all of them have ended."""
NAMES = [f"lab{number}" for number in range(CLUSTERS)]
WATCHED = [sys.executable, str(Path(__file__).with_name("watched_prompt.py"))]
ACCEPTED, SHOWS = b"\x1b[?2004l", b"\x1b[?2004h"
"""What a prompt writes when a line is entered, and when it waits for the next."""
LINES = [
    "ps",
    "info day",
    "let n = {n}; print $n",
    "ps --all -f name,status | wc -l",
    "for i in 1 2 3 {{ print {n} $i }}",
    "print {n} $? && ps --running",
    "nobody-knows-{n}",
    "info no-such-{n}",
    "ls day",
    "ps --no-such-option",
    "inf\t da\t",
    "! true",
    "! exit 3",
    "info day > {folder}/info",
    "run -q -t day -c 'print({n} * 6)' python",
    "history -n 3",
    "let s = ps -f name --running | first; info $s",
    "help info",
    "@{other} ps",
    "rm no-such-\t-{n}",
    "jobs",
    "config",
    "ps --output json | cat",
    "explain rm day",
    "run -q -t day -c 'raise SystemExit(3)' python",
    "@* ps",
    "use {other}",
    "for s in $(ps --name-only) {{ print $s }}",
    "cd {folder}",
    "print {n} \t\x03",
]
TASKS = ["! sleep 0.2 &", "run -q -t day -c 'print({n})' python &", "ps &", "ps --all | sort &"]


def main() -> None:
    """Print what the prompt takes in the course of the day, and whether that is right."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        began = time.monotonic()
        homes = [folder / name for name in NAMES]
        for home in homes:
            home.mkdir()
        clusters = [stack.enter_context(embedded_cluster(home)) for home in homes]
        environ = plain_environment(folder)
        for name, cluster in zip(NAMES, clusters, strict=True):
            run([ATOLL, "start", "-t", "day", "python"], cluster)
            run([ATOLL, "profile", "add", name, *keys(cluster)], environ)
        say(f"{CLUSTERS} clusters after {time.monotonic() - began:.0f} s")
        day = Day(folder, homes)
        stack.callback(day.close)
        sys.exit(day.spend())


def keys(cluster: Mapping[str, str]) -> list[str]:
    """Return the options that make a profile of a cluster's environment."""
    names = {"--endpoint": "ENDPOINT", "--access-key": "ACCESS_KEY", "--secret-key": "SECRET_KEY"}
    return [word for option, name in names.items() for word in (option, cluster[f"BACKEND_{name}"])]


@frozen
class Figures:
    """What the prompt takes at some time."""

    memory: float
    descriptors: int
    threads: int
    children: int
    trio: int
    asyncio: int
    objects: int
    types: dict[str, int]
    """How many there are of each type, of the commonest ones."""


@define
class Day:
    """A prompt, what has been written to its terminal, and how far the day is."""

    folder: Path
    homes: list[Path]
    terminal: Terminal = field(init=False)
    shown: bytes = b""
    began: float = field(factory=time.monotonic)

    def __attrs_post_init__(self) -> None:
        environ = plain_environment(self.folder) | {
            "ATOLL_WATCHED": str(self.folder / "watched"),
            "ATOLL_PROFILE": NAMES[0],
            "ATOLL_SHELL_JOBS_LIMIT": "2",
            # The newest lines are in memory, so many: that is to be reached before noon.
            "ATOLL_SHELL_HISTORY_SIZE": str(COMMANDS // 5),
        }
        self.terminal = Terminal(WATCHED, environ)

    def close(self) -> None:
        """End the prompt, if that is still there."""
        self.terminal.close()

    def spend(self) -> int:
        """Run all commands; returns the exit code."""
        self.until(SHOWS, "the prompt to be shown")
        say(
            f"{'commands':>8} {'a second':>8}  MiB   fds  threads  children  trio  asyncio  objects"
        )
        seen = [self.look(0, 0.0)]
        for part in range(SHOWN):
            numbers = range(COMMANDS * part // SHOWN, COMMANDS * (part + 1) // SHOWN)
            began = time.monotonic()
            away = sum(map(self.step, numbers))
            rate = len(numbers) / (time.monotonic() - began - away)
            self.run("wait")
            seen.append(self.look(numbers.stop, rate))
        return self.judge(seen[1 : SHOWN // 2 + 1], seen[SHOWN // 2 + 1 :])

    def step(self, number: int) -> float:
        """Run a command, beside what is due; returns the seconds that clusters were away."""
        away = 0.0
        if number % (COMMANDS // RESTARTS) == 7:
            began = time.monotonic()
            self.restart(number // (COMMANDS // RESTARTS) % CLUSTERS)
            away = time.monotonic() - began
        other = NAMES[number // len(LINES) % CLUSTERS]
        values = {"n": number, "folder": self.folder, "other": other}
        if number % (COMMANDS // JOBS) == 5:
            self.run(TASKS[number // (COMMANDS // JOBS) % len(TASKS)].format(**values))
        line = LINES[number % len(LINES)].format(**values)
        self.run(line)
        if number % SYNC == 0:
            self.sync(number)
        return away

    def run(self, line: str) -> None:
        """Run a line, and wait for the next prompt."""
        self.shown = b""
        cleared = line.endswith("\x03")
        self.terminal.press(line if cleared else f"{line}\r")
        self.until(ACCEPTED, f"{line!r} to be taken")
        self.until(SHOWS, f"{line!r} to end")

    def sync(self, number: int) -> None:
        """Make sure that all has ended so far: a job's output between may look like a prompt."""
        self.terminal.press(f"print the-end-'of'-{number}\r")
        self.until(f"the-end-of-{number}".encode(), f"command {number} to be run")
        self.until(SHOWS, f"the prompt after command {number}")

    def until(self, mark: bytes, awaited: str) -> None:
        """Read until something is written; what stands before it is dropped."""
        deadline = time.monotonic() + PATIENCE
        while mark not in self.shown:
            left = deadline - time.monotonic()
            if time.monotonic() - self.began > LONGEST:
                self.fail(f"the day has taken {LONGEST:.0f} s")
            if left <= 0 or not self.terminal.wait(left):
                self.fail(f"waited {PATIENCE:.0f} s for {awaited}")
            self.shown += self.terminal.read()
        self.shown = self.shown.partition(mark)[2]

    def fail(self, why: str) -> None:
        """Break off, with all that helps to find out why."""
        os.kill(self.terminal.pid, signal.SIGUSR2)
        self.terminal.rest()
        told = (self.folder / "watched.stacks").read_text()
        sys.exit(f"{why}\nlast written: {self.shown[-2000:]!r}\nthe prompt is at:\n{told}")

    def restart(self, number: int) -> None:
        """Stop a cluster and start it again, while the prompt does something else or waits."""
        environ = plain_environment(self.homes[number])
        run([ATOLL, "local", "down"], environ)
        self.run("ps")
        run([ATOLL, "local", "up"], environ)

    def look(self, number: int, rate: float) -> Figures:
        """Return what the prompt takes now, and show it."""
        self.sync(number)
        figures = self.figures()
        shown = f"{figures.memory:5.0f} {figures.descriptors:5} {figures.threads:8}"
        shown += f" {figures.children:9} {figures.trio:5} {figures.asyncio:8} {figures.objects:8}"
        say(f"{number:8} {rate:8.1f} {shown}")
        return figures

    def figures(self) -> Figures:
        """Ask the prompt what it takes."""
        file = self.folder / "watched"
        file.unlink(missing_ok=True)
        self.terminal.rest()
        process = Path(f"/proc/{self.terminal.pid}")
        os.kill(self.terminal.pid, signal.SIGUSR1)
        wait_for(lambda: file.exists() and file.read_text().endswith("\n"), "the prompt's figures")
        told = json.loads(file.read_text())
        pages = int((process / "statm").read_text().split()[1])
        return Figures(
            memory=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            descriptors=len(list((process / "fd").iterdir())),
            threads=len(list((process / "task").iterdir())),
            children=len(list(children(self.terminal.pid))),
            trio=told["trio"],
            asyncio=told["asyncio"],
            objects=told["objects"],
            types=told["types"],
        )

    def judge(self, before: list[Figures], after: list[Figures]) -> int:
        """Tell what has grown since noon, and what is left when the prompt is; returns the exit
        code.
        """
        names = ["descriptors", "threads", "trio", "asyncio", "children", "memory"]
        grown = [one for one in names if most(after, one) > most(before, one) * allowed(one)]
        group = os.getsid(self.terminal.pid)
        self.terminal.press("exit\r")
        os.waitid(os.P_PID, self.terminal.pid, os.WEXITED | os.WNOWAIT)
        left = [pid for pid in processes() if pid != self.terminal.pid and in_session(pid, group)]
        ratio = most(after, "memory") / most(before, "memory")
        say(f"memory in the second half, beside the first: {ratio:.3f}x, {GROWTH}x at the most")
        say(f"grown: {', '.join(grown) or 'nothing'}; processes left: {len(left)}")
        noon, evening = before[-1].types, after[-1].types
        more = {one: count - noon.get(one, 0) for one, count in evening.items()}
        newest = sorted(more, key=lambda one: -more[one])[:5]
        say(f"most new objects: {', '.join(f'{more[one]} {one}' for one in newest)}")
        seconds, load = time.monotonic() - self.began, os.getloadavg()[1]
        say(f"{COMMANDS} commands in {seconds:.0f} s, at a load of {load:.1f}")
        return 1 if grown or left else 0


def most(seen: list[Figures], name: str) -> float:
    """Return the most of something that was seen."""
    return max(float(getattr(one, name)) for one in seen)


def allowed(name: str) -> float:
    """Return how many times as much of something there may be in the second half."""
    return GROWTH if name == "memory" else 1.0


def children(process: int) -> Iterator[int]:
    """Yield the processes that one has started and that are still there."""
    for task in Path(f"/proc/{process}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def processes() -> list[int]:
    """Return all processes."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def in_session(process: int, session: int) -> bool:
    """Whether a process belongs to a terminal's session."""
    try:
        return os.getsid(process) == session
    except ProcessLookupError:
        return False


def wait_for(come: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not come():
        if time.monotonic() > deadline:
            sys.exit(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
