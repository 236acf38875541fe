"""Which imports are called slow, while other programs have the processor."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from atoll._plugins.isolation import SLOW, isolated
from atoll._plugins.origins import Origin

ORIGIN = Origin("molasses", "molasses", "atoll-molasses", "1.0")
RIVALS = 3

pytestmark = pytest.mark.skipif(
    not Path("/proc/thread-self/schedstat").exists(),
    reason="the system does not tell how long a thread waits for a processor",
)


@contextmanager
def busy():
    """Share one processor with programs that never rest."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    rivals = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(RIVALS)]
    try:
        yield
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
        os.sched_setaffinity(0, allowed)


def test_a_busy_machine_is_not_blamed_on_a_plugin():
    warnings = []
    with busy(), isolated(ORIGIN, "importing molasses", warnings.append):
        began, worked = time.monotonic(), time.thread_time()
        while time.monotonic() - began - (time.thread_time() - worked) < SLOW + 0.2:
            pass
    assert warnings == []


def test_a_slow_plugin_is_reported_on_a_busy_machine():
    """With the time that it took itself."""
    warnings = []
    with busy(), isolated(ORIGIN, "importing molasses", warnings.append):
        began, worked = time.monotonic(), time.thread_time()
        while time.thread_time() - worked < SLOW + 0.1:
            pass
        passed = time.monotonic() - began
    (warning,) = warnings
    told = re.fullmatch(rf"{re.escape(str(ORIGIN))}: importing molasses took (.*) s", warning)
    assert told, warning
    assert SLOW < float(told[1]) < passed / 2
