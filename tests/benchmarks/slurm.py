"""A site with Slurm: starts, lists and tunnels of sessions, beside what Slurm and SSH do.

`start` is the time from a command on the laptop to the first output of code on a node, beside
`srun --pty python3 -c` by ssh. What the queue takes before it begins any batch job is measured in
the same turns, and taken from ours: srun does not go through it. `list` counts what the cluster
asks Slurm while 50 sessions wait. `tunnel` is measured as in tunnel.py, beside `ssh -L` through the
login node to the same program. All of the site is on one machine here, so what bounds a tunnel is
the processor time of all steps together. For 256 MiB out of a session that was 1.2 s: 0.2 s each of
ssh, sshd, `atoll app` and the relay on the node, and 0.4 s of the cluster's program. That of ssh -L
was 0.75 s: 0.25 s of ssh and 0.5 s of sshd, whose cipher is slower. No step takes as long as that
sshd, so a site of several machines carries as much.

    REALSLURM_SSH_CONFIG=FILE python tests/benchmarks/slurm.py [ROUNDS]

The file says where `site` is, on which `atoll host install site` has been run.
"""

import os
import shlex
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from common import ATOLL, free_port, plain_environment, run, say, serving, wall_time

ROUNDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 5

from tunnel import APP_PORT, SERVICE, answers, best, download, exchange, show, upload  # noqa: E402  # it reads arguments, too

SESSIONS = 50
LISTS = 10
THERE = "~/.local/share/atoll/host/current/bin/atoll"
QUEUE = """
cd && began=$(date +%s%N)
sbatch -Q -o /dev/null --wrap "date +%s%N > next.$began && mv next.$began began.$began"
while ! ls | grep -qx began.$began; do sleep 0.02; done
echo $(( $(cat began.$began) - began )); rm began.$began
"""
"""Prints the nanoseconds from sbatch to the first command of its script."""
WRAPPER = """#!/bin/sh
echo "$@" >> ~/asked/log
exec /usr/bin/squeue "$@"
"""


class Site:
    """A laptop of its own for the site."""

    def __init__(self, home: Path) -> None:
        """Make it."""
        self.environ = plain_environment(home)
        self.config = home / ".ssh/config"
        self.config.parent.mkdir(mode=0o700)
        shutil.copy(os.environ["REALSLURM_SSH_CONFIG"], self.config)
        self.atoll("profile", "add", "lab", "--host", "site", "--engine", "slurm")
        self.atoll("profile", "use", "lab")

    def atoll(self, *words: str) -> str:
        """Run a command of atoll."""
        return run([ATOLL, *words], self.environ)

    def on(self, command: str) -> list[str]:
        """Return the words that run a command on the login node."""
        return ["ssh", "-F", str(self.config), "site", command]

    def ssh(self, command: str) -> str:
        """Run a command on the login node."""
        return run(self.on(command), self.environ)


def main() -> None:
    """Print the three figures."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        site.ssh(f"{THERE} local down")
        say(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        try:
            measure_start(site)
            measure_list(site)
            measure_tunnel(site)
        finally:
            site.ssh(f"{THERE} local down; rm -rf ~/asked")


def measure_start(site: Site) -> None:
    """Print the seconds to the first output, ours and srun's, and what the queue took of them."""
    # The cluster is started, and every part of it has been used once.
    site.atoll("run", "--rm", "-q", "-c", "print(1)", "python")
    ours, theirs, queue = [], [], []
    pty = [*site.on("srun --pty python3 -c 'print(1)'")]
    pty[1:1] = ["-tt"]
    for _ in range(ROUNDS):
        ours.append(first_output(site))
        theirs.append(wall_time(pty, site.environ))
        queue.append(int(site.ssh(QUEUE).split()[-1]) / 1e9)
        site.atoll("rm", "first")
    start, srun, wait = map(statistics.median, (ours, theirs, queue))
    say(f"start   {start:.2f} s, of which the queue {wait:.2f} s; srun --pty {srun:.2f} s")
    say(f"        {(start - wait) / srun:.2f} of it, besides the queue's own delay (at most 2)")


def first_output(site: Site) -> float:
    """Return the seconds to the first output of code in a new session, which stays."""
    return wall_time([ATOLL, "run", "-q", "-t", "first", "-c", "print(1)", "python"], site.environ)


def measure_list(site: Site) -> None:
    """Print how often Slurm is asked for its jobs while many sessions wait and are listed."""
    site.ssh(f"{THERE} local down; mkdir -p ~/asked && : > ~/asked/log")
    site.ssh(f"printf %s {shlex.quote(WRAPPER)} > ~/asked/squeue && chmod +x ~/asked/squeue")
    site.ssh(f"PATH=~/asked:$PATH {THERE} local up --engine slurm")
    script = "\n".join(
        f"start -t held{n} --type batch -c true --enqueue-only --starts-at +2h python"
        for n in range(SESSIONS)
    )
    (Path(site.environ["HOME"]) / "lines").write_text(script)
    run(["sh", "-c", f"{ATOLL} < lines"], site.environ)
    time.sleep(3)  # Until what was started is no news any more.
    site.ssh(": > ~/asked/log")
    began = time.perf_counter()
    for _ in range(LISTS):
        listed = site.atoll("ps", "--all", "--format", "name", "--output", "csv").split()
    took = time.perf_counter() - began
    asked = site.ssh("cat ~/asked/log").splitlines()
    jobs = len(site.ssh("squeue --me -h -o %j").splitlines())
    alone = sum("--me" not in words for words in asked)
    say(f"list    {len(listed) - 1} sessions, {jobs} jobs: squeue was asked {len(asked)} times in")
    say(f"        {took:.1f} s of {LISTS} lists, {alone} times for less than all")
    site.ssh(f"{THERE} local down")


def measure_tunnel(site: Site) -> None:
    """Print MB/s and the time of an exchange, by a tunnel of ours and by ssh -L."""
    service = SERVICE.replace('"127.0.0.1"', '"0.0.0.0"')
    words = [
        "import socket, subprocess, sys",
        f"service = {service!r}",
        f"subprocess.Popen([sys.executable, '-c', service, '{APP_PORT}'])",
        "print(socket.gethostname())",
    ]
    site.atoll("start", "-t", "bench", "--preopen", str(APP_PORT), "python")
    node = site.atoll("run", "-q", "-t", "bench", "-c", "; ".join(words), "python").split()[-1]
    with ExitStack() as stack:
        ours, theirs = free_port(), free_port()
        app = [ATOLL, "app", "bench", str(APP_PORT), "-b", str(ours)]
        forward = ["-N", "-L", f"127.0.0.1:{theirs}:{node}:{APP_PORT}"]
        ssh = ["ssh", "-F", str(site.config), *forward, "site"]
        stack.enter_context(serving(app, ours, site.environ, ready=answers))
        stack.enter_context(serving(ssh, theirs, site.environ, ready=answers))
        figures: dict[str, list[tuple[float, ...]]] = {"atoll": [], "ssh -L": []}
        for _ in range(ROUNDS):
            for name, port in (("atoll", ours), ("ssh -L", theirs)):
                figures[name].append((download(port), upload(port), exchange(port)))
    show({name: best(rounds) for name, rounds in figures.items()})
    site.atoll("rm", "bench")


if __name__ == "__main__":
    main()
