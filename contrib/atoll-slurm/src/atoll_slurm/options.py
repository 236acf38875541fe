"""A session in the words of sbatch."""

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
"""Seconds before the time limit at which a session is asked to end."""


def options(job: Job, settings: Settings, time: str = "", after: Sequence[str] = ()) -> list[str]:
    """Return the options of sbatch for a kernel, with a limit of `time`, to start when the jobs
    `after` have succeeded; raises EngineError for what Slurm can't give.
    """
    terms = job.terms
    fixed = [
        "--parsable",
        f"--job-name={job_name(job)}",
        f"--chdir={job.cwd}",
        "--output=supervisor.log",
        "--open-mode=append",
        "--export=NONE",
        "--propagate=NONE",  # what a login node limits, such as processor time, is its own
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
    """Return on how many nodes a session is, and who is told of its time limit: the job's script
    where that is the kernel, else its steps.
    """
    size = job.terms.cluster_size
    if size == 1:
        return [f"--signal=B:TERM@{NOTICE}", "--nodes=1", "--ntasks=1"]
    nodes = size if job.terms.cluster_mode == "multi-node" else 1
    each = size // nodes
    told = f"--signal=TERM@{NOTICE}"
    return [told, f"--nodes={nodes}", f"--ntasks={size}", f"--ntasks-per-node={each}"]


def nodelist(job: Job) -> str:
    """Return the nodes that a session is to be on: of those asked for, as many as it has."""
    agents = job.terms.options.get("agents")
    nodes = job.terms.cluster_size if job.terms.cluster_mode == "multi-node" else 1
    return ",".join(map(str, agents[:nodes])) if isinstance(agents, list) else ""


def nice(priority: int) -> str:
    """Return how much later than others of its owner's jobs a job comes, or earlier; empty for as
    they do. Slurm lets operators alone have it earlier.
    """
    return str((USUAL_PRIORITY - priority) * _NICE_STEP) if priority != USUAL_PRIORITY else ""


def limit(seconds: int) -> str:
    """Return a time limit, as sbatch has it, that leaves a session so many seconds before it is
    asked to end.
    """
    return str(math.ceil((seconds + NOTICE) / 60))


def account_of(job: Job, settings: Settings) -> str:
    """Return the account that a kernel is counted for, empty for the default one."""
    group = job.terms.group
    return settings.account if group == "default" else group


def partition_of(job: Job, settings: Settings) -> str:
    """Return the partition of a kernel, empty for Slurm's default."""
    group = job.terms.scaling_group
    return settings.partition if group == "default" else group


def job_name(job: Job) -> str:
    """Return the name of a job: the session's, and the kernel's id, by which it is found again."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', job.name)[:40]}.{job.kernel_id}"


def kernel_of(name: str) -> str:
    """Return the kernel's id in the name of a job."""
    return name.rpartition(".")[2]


def resources(job: Job, settings: Settings, kernels: int = 1) -> Iterator[str]:
    """Yield the options about what a kernel may take, or so many of them on one node."""
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
    """Return what Slurm calls a slot; `gres:NAME` names one of its own. Raises EngineError."""
    kind, colon, name = slot.partition(":")
    if colon and kind == "gres" and re.fullmatch(r"[\w.:-]+", name):
        return name
    if slot in _GRES:
        return _GRES[slot]
    raise EngineError(f"Slurm has no slot {slot}; there are cpu, mem, cuda.device and gres:NAME")


def whole(amount: Decimal) -> int:
    """Return an amount that Slurm gives as a whole; a part of one takes all of it."""
    return math.ceil(amount)


def begin(starts_at: str | None) -> str:
    """Return when a session may start, as sbatch has it: local time, to the second."""
    if starts_at is None:
        return ""
    from datetime import datetime

    try:
        at = datetime.fromisoformat(starts_at)
    except ValueError:
        raise EngineError(f"{starts_at!r} is no time") from None
    return at.astimezone().strftime("%Y-%m-%dT%H:%M:%S")
