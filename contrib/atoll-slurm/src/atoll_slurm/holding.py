"""What a job that is held for the cases of a sweep asks Slurm for, and what runs in it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from atoll_cluster.engines import Job, listening
from atoll_slurm.options import NOTICE, options, resources
from atoll_slurm.script import script, step_command
from atoll_slurm.settings import Settings

SERIES = "sweep:"
"""How the tags of sessions begin that follow one another, all with the same needs."""
HOLDER = Path(__file__).with_name("holder.py")
_VARIES = ("--job-name=", "--chdir=")
_MORE = 600
"""Seconds that a held job has at least for further cases that have a time limit of their own."""
_NEARLY_ALL = 0.9
"""The part of a job's time that a case without a time limit of its own must still get."""
_NUMBERED = 'printf %s "$SLURM_STEP_ID" > step; exec "$@"'


def series_of(job: Job, settings: Settings) -> str:
    """Return a text that is the same for all kernels which one held job can run; empty if the
    kernel needs a job of its own.
    """
    terms = job.terms
    alone = (
        terms.cluster_size > 1 or terms.session_type == "BATCH" or terms.starts_at or terms.after
    )
    if alone or not settings.hold_seconds or not terms.tag.startswith(SERIES):
        return ""
    asked = [word for word in options(job, settings) if not word.startswith(_VARIES)]
    return json.dumps([terms.tag, terms.access_key, time_limit(job), *asked])


def time_limit(job: Job) -> int | None:
    """Return the seconds that a session may run, None if it has no time limit of its own."""
    seconds = job.terms.options.get("time_limit")
    return seconds if isinstance(seconds, int) else None


def held_time(limit: int, longest: int | None) -> str:
    """Return the time limit of a held job, in minutes, for cases that may run `limit` seconds.

    `longest` is the longest time limit that Slurm allows, in seconds.
    """
    own = limit + NOTICE
    wanted = own + max(limit, _MORE)
    return str(math.ceil(max(own, min(wanted, longest or wanted)) / 60))


def needed_time(limit: int | None, whole: float) -> float:
    """Return the seconds of a held job that must be left for a case; `whole` is all its time."""
    return whole * _NEARLY_ALL if limit is None else limit + NOTICE


def held_job(job: Job, allocation_id: str, folder: Path) -> Job:
    """Return the job that is submitted for a kernel and those that follow it."""
    return evolve(job, kernel_id=allocation_id, name=job.terms.tag, folder=folder)


def held_script(settings: Settings, kernels: Path) -> str:
    """Return the script of a held job; `kernels` is the folder of kernels.

    The kernels do not listen themselves, because a listener for each would double the time that a
    short case takes.
    """
    holder = [settings.python, "-I", "-S", str(HOLDER), str(settings.hold_seconds)]
    return script(listening(holder, settings.python, kernels))


def request(job: Job, settings: Settings) -> Mapping[str, Any]:
    """Return the request to a holder to start a kernel as a step of its job.

    The step overlaps others, or else `srun` in the session would wait for its end.
    """
    words = [
        *("srun", "--quiet", "--export=ALL", "--overlap", "--nodes=1", "--ntasks=1"),
        *(word for word in resources(job, settings) if not word.startswith("--mem=")),
        f"--job-name={job.name}",
        f"--chdir={job.cwd}",
        f"--output={job.cwd / 'supervisor.log'}",
        "--open-mode=append",
        *("sh", "-c", _NUMBERED, "sh"),
        *step_command(job, settings),
    ]
    return {
        "op": "start",
        "kernel": job.kernel_id,
        "folder": str(job.cwd),
        "argv": words,
        "seconds": time_limit(job),
    }
