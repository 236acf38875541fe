"""Cases per second of a sweep, beside `xargs -P` starting the same command in the same sandbox.

A case is more than a process: a session is scheduled, journaled, given a kernel, run in, torn down.
The ratio says what that costs. Run it on a machine that does nothing else:

    python tests/benchmarks/sweep.py [CASES]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import ATOLL, embedded_cluster, plain_environment, program, run, say

from atoll_cluster.engine.sandbox import PROGRAM, SandboxView, bwrap_options, probe

CASES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
PARALLEL = (2, 4)
KINDS = {"--exec true": ["--exec", "true $X"], "-c pass": ["-c", "pass  # $X"]}


def main() -> None:
    """Print a table: what ran, how many at a time, cases per second, and how many times slower."""
    if not program("xargs"):
        return
    with tempfile.TemporaryDirectory() as name, embedded_cluster(Path(name)) as environ:
        say(f"{'':14}  {'-P':>2}  {'cases/s':>8}  {'ms/case':>8}  {'beside xargs':>12}")
        for parallel in PARALLEL:
            bare = measure(partial(run_xargs, parallel, Path(name)))
            show("xargs bwrap", parallel, bare, bare)
            for kind, words in KINDS.items():
                rate = measure(partial(run_sweep, parallel, words, environ))
                show(kind, parallel, rate, bare)


def run_sweep(parallel: int, words: list[str], environ: dict[str, str]) -> None:
    """Run a sweep of so many cases."""
    ranges = [f"--exec-range=X=range:0,{CASES},1", f"--max-parallel={parallel}"]
    run([ATOLL, "run", "--rm", "-q", *words, *ranges, "python"], environ)


def run_xargs(parallel: int, folder: Path) -> None:
    """Start the same command as often, in the sandbox that a session has."""
    found = probe()
    if found.bwrap is None:
        sys.exit(f"there is no sandbox to measure: {found}")
    home, share, etc = (folder / part for part in ("home", "share", "etc"))
    for path in (home, share / PROGRAM.name, etc):
        path.mkdir(parents=True, exist_ok=True)
    view = SandboxView(home=home, share=share, program=share, etc=etc, hostname="case")
    command = [found.bwrap, *bwrap_options(view), "--", "/bin/sh", "-c", "true {}"]
    (folder / "numbers").write_text("\n".join(map(str, range(CASES))))
    xargs = ["xargs", "--arg-file", str(folder / "numbers"), f"-P{parallel}", "-I{}"]
    run([*xargs, *command], plain_environment(folder))


def measure(go: Callable[[], None]) -> float:
    """Return the cases per second."""
    began = time.perf_counter()
    go()
    return CASES / (time.perf_counter() - began)


def show(what: str, parallel: int, rate: float, bare: float) -> None:
    """Print a line of the table."""
    ratio = f"{bare / rate:.1f} x" if rate != bare else ""
    say(f"{what:14}  {parallel:>2}  {rate:8.1f}  {1000 / rate:8.1f}  {ratio:>12}")


if __name__ == "__main__":
    main()
