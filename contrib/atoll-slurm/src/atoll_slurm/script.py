"""The script of a job, which executes the kernel's command, but only once."""

import shlex
from collections.abc import Sequence

from atoll_cluster.engines import Job
from atoll_slurm.settings import Settings

HANDED_ON = ("SLURM_*", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
    "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "TMPDIR")  # fmt: skip
"""The variables of the job that the programs of a session get."""
NO_PYTHON = "no-python."
"""The beginning of the name of the file by which a script tells that its node has no Python."""
TWICE, LACKS = 75, 78
"""The exit codes of a job that Slurm has restarted, and of one whose node has no Python."""
_ONCE = f"""\
#!/bin/sh
if [ "${{SLURM_RESTART_COUNT:-0}}" != 0 ]; then exit {TWICE}; fi
umask 077
# Or else `srun` in a session would hand nothing on, as this job was handed nothing.
unset SLURM_EXPORT_ENV
"""
"""The beginning of each script.

If somebody requeues a job, Slurm starts its script again. The kernel must not run again, because
its state is lost and its user must know this. So the script then ends at once.
"""


_HAS_PYTHON = f"""\
if ! command -v {{python}} > /dev/null 2>&1; then
    : > "{NO_PYTHON}${{{{SLURMD_NODENAME:-a node}}}}"
    exit {LACKS}
fi
"""


def script(command: Sequence[str]) -> str:
    """Return the script for sbatch that executes a command, which begins with a Python."""
    return f"{beginning(command[0])}exec {shlex.join(command)}\n"


def beginning(python: str) -> str:
    """Return the beginning of a script that needs this Python."""
    return _ONCE + _HAS_PYTHON.format(python=shlex.quote(python))


def step_command(job: Job, settings: Settings) -> list[str]:
    """Return the command that runs a kernel beside a program that listens for it."""
    return job.command(settings.python, keeps=HANDED_ON)


def kernel_command(job: Job, settings: Settings, report_to: str | None = None) -> list[str]:
    """Return the command that runs a kernel; the kernel reports its start to `report_to`."""
    return job.command(
        settings.python, listens=True, report_to=report_to, node="SLURMD_NODENAME", keeps=HANDED_ON
    )
