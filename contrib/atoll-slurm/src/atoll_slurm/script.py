"""The script of a job, which executes the kernel's command, but only once."""

import shlex
from collections.abc import Sequence

from atoll_cluster.engines import Job
from atoll_slurm.settings import Settings

PASSED_VARIABLES = ("SLURM_*", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
    "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "TMPDIR",
    "SRUN_CPUS_PER_TASK")  # fmt: skip
"""The variables of the job that the programs of a session get."""
NO_PYTHON = "no-python."
"""The prefix of the name of the file by which a script reports that its node has no Python."""
RESTARTED, LACKS = 75, 78
"""The exit codes of a job that Slurm has restarted, and of one whose node has no Python."""
_RESTART_CHECK = f"""\
#!/bin/sh
if [ "${{SLURM_RESTART_COUNT:-0}}" != 0 ]; then exit {RESTARTED}; fi
umask 077
# Else `srun` in a session would pass no variables on, because this job got none.
unset SLURM_EXPORT_ENV
# Since 22.05, `srun` gives a task one processor unless this says otherwise.
if [ -n "$SLURM_CPUS_PER_TASK" ]; then export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"; fi
"""
"""The first lines of each script.

If somebody requeues a job, Slurm starts its script again. The kernel must not run again, because
its state is lost and its user must know this. So the script then ends at once.
"""


_PYTHON_CHECK = f"""\
if ! command -v {{python}} > /dev/null 2>&1; then
    : > "{NO_PYTHON}${{{{SLURMD_NODENAME:-a node}}}}"
    exit {LACKS}
fi
"""


def script(command: Sequence[str]) -> str:
    """Return the script for sbatch that executes a command, which begins with a Python."""
    return f"{preamble(command[0])}exec {shlex.join(command)}\n"


def preamble(python: str) -> str:
    """Return the first lines of a script that needs this Python."""
    return _RESTART_CHECK + _PYTHON_CHECK.format(python=shlex.quote(python))


def step_command(job: Job, settings: Settings) -> list[str]:
    """Return the command that runs a kernel beside a program that listens for it."""
    return job.command(settings.python, keeps=PASSED_VARIABLES)


def kernel_command(job: Job, settings: Settings, report_to: str | None = None) -> list[str]:
    """Return the command that runs a kernel; the kernel reports its start to `report_to`."""
    return job.command(
        settings.python,
        listens=True,
        report_to=report_to,
        node="SLURMD_NODENAME",
        keeps=PASSED_VARIABLES,
    )
