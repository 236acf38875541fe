"""The script of a job: it becomes the kernel's own command, once."""

import shlex
from collections.abc import Sequence

TWICE = 75
"""The exit code of a job that Slurm has begun anew."""
ONCE = f"""\
#!/bin/sh
if [ "${{SLURM_RESTART_COUNT:-0}}" != 0 ]; then exit {TWICE}; fi
umask 077
"""
"""How each script begins.

A kernel that ran once is not begun anew, though Slurm does so when somebody requeues its job: what
it held is gone, and its user has to know.
"""


def script(command: Sequence[str]) -> str:
    """Return the text for sbatch."""
    return f"{ONCE}exec {shlex.join(command)}\n"
