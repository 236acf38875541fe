"""The script of a job, which executes the kernel's command, but only once."""

import shlex
from collections.abc import Sequence

from atoll_cluster.engines import Job
from atoll_slurm.settings import Settings

HANDED_ON = ("SLURM_*", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
    "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "TMPDIR")  # fmt: skip
"""The variables of the job that the programs of a session get."""
TWICE = 75
"""The exit code of a job that Slurm has restarted."""
ONCE = f"""\
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


def script(command: Sequence[str]) -> str:
    """Return the script for sbatch that executes a command."""
    return f"{ONCE}exec {shlex.join(command)}\n"


def kernel_command(job: Job, settings: Settings) -> list[str]:
    """Return the command that runs a kernel."""
    return job.command(settings.python, listens=True, keeps=HANDED_ON)
