"""What a day at the prompt leaves in it: memory, descriptors and threads, again and again.

One prompt, five clusters. Commands of every kind go to each of them, jobs run beside, and the
clusters are killed and started again. The first fifth of the day is left out of the comparison,
since modules are loaded and caches filled in it.

    python tests/benchmarks/day.py [COMMANDS]
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pexpect
from attrs import frozen
from common import ATOLL, plain_environment, say

COMMANDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
CLUSTERS, JOBS, RESTARTS, PARTS = 5, 50, 20, 5
MOST_GROWTH = 1.10
"""What memory may be at the end, in times of what it was after the first part."""
DEADLINE = 60.0
NEW_PROMPT = "\x1b[?2004h"
"""What prompt_toolkit writes once for each prompt."""
LINES = (
    "ps",
    "ps --all --output json | wc -c",
    "config",
    "profile list",
    "let s = ps --all",
    "for x in a b c { print $x }",
    "! true",
    "info no-such-session",
    "print 'some text'",
    "admin agents",
    "vfolder list",
    "@* ps",
)


@frozen
class Use:
    """What a process holds: resident memory in KiB, descriptors, threads."""

    memory: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Use":
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return cls(int(status["VmRSS"].split()[0]), descriptors, int(status["Threads"]))


@frozen
class Cluster:
    """An embedded cluster with a home of its own."""

    home: Path

    def run(self, *words: str) -> str:
        env = plain_environment(self.home)
        ended = subprocess.run([ATOLL, *words], env=env, check=True, capture_output=True, text=True)
        return ended.stdout

    def restart(self) -> None:
        """Kill its program, and start it again at the same port."""
        server = json.loads((self.home / "atoll/data/local/server.json").read_text())
        os.kill(server["pid"], 9)
        self.run("local", "up")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="atoll-day-") as scratch:
        clusters = [Cluster(Path(scratch) / f"c{n}") for n in range(CLUSTERS)]
        try:
            spend(clusters, Path(scratch) / "home")
        finally:
            for cluster in clusters:
                cluster.run("local", "down")


def spend(clusters: list[Cluster], home: Path) -> None:
    """Spend a day at a prompt in `home`, and say what it holds after each part."""
    user = Cluster(home)
    for number, cluster in enumerate(clusters):
        access = json.loads(cluster.run("--output", "json", "local", "access"))
        keys = ["--access-key", access["access_key"], "--secret-key", access["secret_key"]]
        user.run("profile", "add", f"c{number}", "--endpoint", access["endpoint"], *keys)
    user.run("profile", "use", "c0")
    env = {**plain_environment(home), "TERM": "xterm"}
    prompt = pexpect.spawn(str(ATOLL), env=env, timeout=DEADLINE, dimensions=(30, 100))
    prompt.delaybeforesend = None
    prompt.expect_exact(NEW_PROMPT)
    uses = []
    for count, line in enumerate(day(), start=1):
        prompt.send(f"{line}\r")
        prompt.expect_exact(NEW_PROMPT)
        if count % (COMMANDS // RESTARTS) == 0:
            clusters[count % CLUSTERS].restart()
        if count % (COMMANDS // PARTS) == 0:
            uses.append(Use.of(prompt.pid))
            say(f"{count} commands: {uses[-1]}")
    prompt.close(force=True)
    growth = uses[-1].memory / uses[0].memory
    say(f"memory {growth:.2f} (target {MOST_GROWTH}): {'yes' if growth <= MOST_GROWTH else 'NO'}")
    is_flat = uses[-1].descriptors <= max(one.descriptors for one in uses[:-1])
    say(f"descriptors flat: {'yes' if is_flat else 'NO'}")


def day() -> Iterator[str]:
    """Yield the lines that are typed."""
    for number in range(COMMANDS):
        if number % (COMMANDS // JOBS) == 7:
            yield "ps --all &"
        elif number % 100 == 50:
            yield f"use c{number // 100 % CLUSTERS}"
        else:
            yield LINES[number % len(LINES)]


if __name__ == "__main__":
    main()
