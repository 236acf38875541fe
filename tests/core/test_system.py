"""Commands of the system, and Ctrl-C while they run."""

import os
import subprocess
import sys
from pathlib import Path

ATOLL = Path(sys.executable).with_name("atoll")
DEADLINE = 60


def test_ctrl_c_that_a_command_outlives(tmp_path):
    """It was the command's own to answer: the script goes on."""
    script = "! trap '' INT && kill -INT $PPID && echo one\n! echo two\n"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ATOLL_HOME": str(tmp_path)}
    done = subprocess.run(
        [ATOLL], env=environ, input=script, capture_output=True, text=True, timeout=DEADLINE
    )

    assert (done.stdout, done.stderr, done.returncode) == ("one\ntwo\n", "", 0)
