"""Translate a kernel and its session to options of sbatch."""

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from atoll_cluster.engines import EngineError, Job
from atoll_slurm.settings import Settings

USUAL_PRIORITY, _NICE_STEP = 10, 100
_MIB = 2**20
_GRES = {"cuda.device": "gpu", "rocm.device": "gpu"}
NOTICE = 60
"""How many seconds before its time limit a session is asked to end."""
TIME_IS_UP = "USR2"
"""The signal for that, by which the supervisor knows the reason, see `Job.command`."""


def options(job: Job, settings: Settings, time: str = "", after: Sequence[str] = ()) -> list[str]:
    """Return the options of sbatch for a kernel; raises EngineError for slots that Slurm lacks.

    `time` is the time limit; `after` are the jobs that must succeed before the kernel starts.
    """
    terms = job.terms
    fixed = [
        "--parsable",
        f"--job-name={job_name(job)}",
        f"--chdir={job.cwd}",
        "--output=supervisor.log",
        "--open-mode=append",
        "--export=NONE",
        "--propagate=NONE",  # limits of the login node, such as processor time, must not apply
        "--no-requeue",
        *_extent(job),
    ]
    named = {
        "partition": partition_of(job, settings),
        "account": account_of(job, settings),
        "qos": settings.qos,
        "time": time,
        "begin": begin(terms.starts_at),
        "nice": nice(terms.priority),
        "nodelist": nodelist(job),
        "dependency": ":".join(["afterok", *after]) if after else "",
    }
    given = [f"--{name}={value}" for name, value in named.items() if value]
    on_one_node = 1 if job.terms.cluster_mode == "multi-node" else job.terms.cluster_size
    return [*fixed, *given, *resources(job, settings, on_one_node), *settings.extra_words]


def _extent(job: Job) -> list[str]:
    """Return the options for the number of nodes, and for the signal before the time limit.

    Slurm sends the signal to the job's script if the script is the kernel, otherwise to the steps;
    it never gets to the programs of a kernel, which have process groups of their own.
    """
    size = job.terms.cluster_size
    if size == 1:
        return [f"--signal=B:{TIME_IS_UP}@{NOTICE}", "--nodes=1", "--ntasks=1"]
    nodes = size if job.terms.cluster_mode == "multi-node" else 1
    each = size // nodes
    warning = f"--signal={TIME_IS_UP}@{NOTICE}"
    return [warning, f"--nodes={nodes}", f"--ntasks={size}", f"--ntasks-per-node={each}"]


def nodelist(job: Job) -> str:
    """Return the nodes for a session: of the nodes that the user has named, as many as needed."""
    agents = job.terms.options.get("agents")
    nodes = job.terms.cluster_size if job.terms.cluster_mode == "multi-node" else 1
    return ",".join(map(str, agents[:nodes])) if isinstance(agents, list) else ""


def nice(priority: int) -> str:
    """Return the value of `--nice` for a priority; empty for the usual priority.

    A positive value starts a job later than the user's other jobs, a negative value earlier. Slurm
    allows negative values only to operators.
    """
    return str((USUAL_PRIORITY - priority) * _NICE_STEP) if priority != USUAL_PRIORITY else ""


def limit(seconds: int) -> str:
    """Return a time limit for sbatch, in minutes, with which a session runs for `seconds` before it
    is asked to end.
    """
    return str(math.ceil((seconds + NOTICE) / 60))


def account_of(job: Job, settings: Settings) -> str:
    """Return the account that pays for a kernel, empty for the default account."""
    group = job.terms.group
    return settings.account if group == "default" else group


def partition_of(job: Job, settings: Settings) -> str:
    """Return the partition of a kernel, empty for Slurm's default."""
    group = job.terms.scaling_group
    return settings.partition if group == "default" else group


def job_name(job: Job) -> str:
    """Return the name of a job: the session's name, and the kernel's id to find the job again."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', job.name)[:40]}.{job.kernel_id}"


def kernel_of(name: str) -> str:
    """Return the kernel's id in the name of a job."""
    return name.rpartition(".")[2]


def resources(job: Job, settings: Settings, kernels: int = 1) -> Iterator[str]:
    """Yield the options for the resources of a kernel, or of `kernels` kernels on one node."""
    gres: list[str] = []
    for slot, amount in job.terms.slots.items():
        if not amount:
            continue
        if slot == "cpu":
            yield f"--cpus-per-task={whole(amount)}"
        elif slot == "mem":
            if settings.memory == "mem":
                yield f"--mem={kernels * math.ceil(amount / _MIB)}M"
        else:
            gres.append(f"{gres_name(slot)}:{kernels * whole(amount)}")
    if gres:
        yield f"--gres={','.join(gres)}"


def gres_name(slot: str) -> str:
    """Return Slurm's name of a slot; the slot `gres:NAME` is called NAME. Raises EngineError."""
    kind, colon, name = slot.partition(":")
    if colon and kind == "gres" and re.fullmatch(r"[\w.:-]+", name):
        return name
    if slot in _GRES:
        return _GRES[slot]
    raise EngineError(f"Slurm has no slot {slot}; there are cpu, mem, cuda.device and gres:NAME")


def whole(amount: Decimal) -> int:
    """Round an amount up, because Slurm allocates only whole units."""
    return math.ceil(amount)


def begin(starts_at: str | None) -> str:
    """Return the start time of a session for sbatch, in local time; empty to start at once."""
    if starts_at is None:
        return ""
    from datetime import datetime

    try:
        at = datetime.fromisoformat(starts_at)
    except ValueError:
        raise EngineError(f"{starts_at!r} is not a time") from None
    return at.astimezone().strftime("%Y-%m-%dT%H:%M:%S")
