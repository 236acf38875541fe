"""The script of a job: it becomes the kernel's own command, once."""

import shlex
from collections.abc import Sequence

from atoll_cluster.engines import Job
from atoll_slurm.settings import Settings

HANDED_ON = ("SLURM_*", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
    "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "TMPDIR")  # fmt: skip
"""The variables of its job that programs of a session get."""
TWICE = 75
"""The exit code of a job that Slurm has begun anew."""
ONCE = f"""\
#!/bin/sh
if [ "${{SLURM_RESTART_COUNT:-0}}" != 0 ]; then exit {TWICE}; fi
umask 077
# Or else `srun` in a session would hand nothing on, as this job was handed nothing.
unset SLURM_EXPORT_ENV
"""
"""How each script begins.

A kernel that ran once is not begun anew, though Slurm does so when somebody requeues its job: what
it held is gone, and its user has to know.
"""


def script(command: Sequence[str]) -> str:
    """Return the text for sbatch."""
    return f"{ONCE}exec {shlex.join(command)}\n"


def kernel_command(job: Job, settings: Settings) -> list[str]:
    """Return the command that is a kernel."""
    return job.command(settings.python, listens=True, keeps=HANDED_ON)
