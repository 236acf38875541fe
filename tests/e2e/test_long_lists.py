"""Lists of any length cost the client the same memory, and as much time as they are long."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "listing.py"
RATIOS = re.compile(r"peak memory ([\d.]+) x, time per session ([\d.]+) x")


def test_fifteen_times_as_many_sessions():
    """Each is listed once; the sizes are small, since it is the ratios that tell."""
    measured = subprocess.run(
        [sys.executable, BENCHMARK, "1000", "15000"], capture_output=True, text=True, timeout=120
    )

    assert measured.returncode == 0, measured.stderr
    memory, time = map(float, RATIOS.search(measured.stdout).groups())
    # Were it kept, what the requests for the pages leave behind would make it 1.15 times as much.
    assert memory < 1.08, measured.stdout
    assert time < 1.5, measured.stdout
