"""Cases per second of a sweep on Slurm, beside a job array of as many trivial jobs.

Both run as many at a time, on the same site, one after the other. `REALSLURM_SSH_CONFIG` names the
`ssh_config` that knows the login node of the site as `site`:

    python tests/benchmarks/slurm_sweep.py [CASES [PARALLEL]]
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import ATOLL, plain_environment, run, say

_GIVEN = dict(enumerate(sys.argv))
CASES, PARALLEL = int(_GIVEN.get(1, 200)), int(_GIVEN.get(2, 4))
ARRAY = """\
#!/bin/sh
#SBATCH --array=1-{cases}%{parallel} --ntasks=1 --cpus-per-task=1 --mem=256M
#SBATCH --output=/dev/null --export=NONE
true $SLURM_ARRAY_TASK_ID
"""
MOST = 1.5
"""How many times longer a sweep may take."""


def main() -> None:
    """Print how long each has taken; the exit code is 1 when the sweep is too slow."""
    config = os.environ.get("REALSLURM_SSH_CONFIG")
    if config is None:
        say("REALSLURM_SSH_CONFIG names no site")
        return
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copy(config, home / ".ssh/config")
        environ = plain_environment(home)
        run([ATOLL, "host", "install", "site"], environ)
        try:
            ratio = compare(home, environ)
        finally:
            run([ATOLL, "host", "remove", "site", "--yes"], environ)
    sys.exit(ratio > MOST)


def compare(home: Path, environ: dict[str, str]) -> float:
    """Measure both; returns how many times longer the sweep takes."""
    run([ATOLL, "profile", "add", "lab", "--host", "site", "--engine", "slurm"], environ)
    run([ATOLL, "profile", "use", "lab"], environ)
    run([ATOLL, "run", "--rm", "-q", "-c", "pass", "python"], environ)  # The cluster is up by then.
    text = ARRAY.format(cases=CASES, parallel=PARALLEL)
    ssh = ["ssh", "-F", str(home / ".ssh/config"), "site"]
    array = measure(lambda: run([*ssh, f"sbatch --wait <<'END'\n{text}END"], environ))
    words = ["--exec", "true $X", f"--exec-range=X=range:1,{CASES + 1},1"]
    limits = ["-r", "cpu=1", "-r", "mem=256m", f"--max-parallel={PARALLEL}"]
    sweep = measure(lambda: run([ATOLL, "run", "--rm", "-q", *words, *limits, "python"], environ))
    for what, seconds in (("job array", array), ("sweep", sweep)):
        say(f"{what:10} {CASES} cases, {PARALLEL} at a time: {seconds:7.1f} s,"
            f" {1000 * seconds / CASES:7.0f} ms/case, {seconds / array:.2f} x")  # fmt: skip
    return sweep / array


def measure(go: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    go()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
