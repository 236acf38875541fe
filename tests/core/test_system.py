"""Commands of the system, and Ctrl-C while they run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ATOLL = Path(sys.executable).with_name("atoll")
DEADLINE = 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_killed_script_ends_its_jobs(tmp_path, number):
    """And dies of the signal then."""
    script = "! echo $$ && exec sleep 1000 &\nwait"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ATOLL_HOME": str(tmp_path)}
    with subprocess.Popen(
        [ATOLL, "-c", script], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        job = Path("/proc", process.stdout.readline().strip())
        assert job.exists()
        process.send_signal(number)
        assert process.wait(DEADLINE) == -number
    assert not job.exists()


def test_ctrl_c_that_a_system_command_ignores(tmp_path):
    """It was the command's own to answer: the script goes on."""
    script = "! trap '' INT && kill -INT $PPID && echo one\n! echo two\n"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ATOLL_HOME": str(tmp_path)}
    done = subprocess.run(
        [ATOLL], env=environ, input=script, capture_output=True, text=True, timeout=DEADLINE
    )

    assert (done.stdout, done.stderr, done.returncode) == ("one\ntwo\n", "", 0)
