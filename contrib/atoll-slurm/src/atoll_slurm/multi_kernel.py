"""Sessions of several kernels: they are one job, so that Slurm starts all kernels at once or none.

The job's script, on the first node, starts a step for each kernel. When the main kernel ends, the
script asks the others to end, and the session ends.
"""

import re
import shlex
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import anyio
from attrs import asdict, define, evolve, field, frozen

from atoll_cluster.engines import EngineError, Job, Running
from atoll_slurm.options import resources
from atoll_slurm.queue import Listed
from atoll_slurm.script import kernel_command, preamble
from atoll_slurm.settings import Settings

TIMEOUT = 60.0
"""Seconds, after the start of the first kernel of a session, in which all must be started."""

Submit = Callable[[Sequence[Job]], Awaitable[None]]

_PLACES = """\
place=0 addresses= known=
for name in {names}; do
    node=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n "$((place * {spread} + 1))p")
    address=$(getent ahostsv4 "$node" | sed -n '1s/ .*//p')
    addresses=$addresses${{addresses:+,}}$name=${{address:-$node}}
    known="$known$name $node
"
    place=$((place + 1))
done
for folder in {folders}; do
    printf %s "$known" > "$folder/hosts"
    printf 'ATOLL_CLUSTER_ADDRESSES=%s\\nHOSTALIASES=%s\\n' \\
        "$addresses" "$folder/hosts" > "$folder/environ"
done
"""
"""The part of the script that writes, before the kernels start, the addresses of all kernels."""

_END = """\
wait $main
code=$?
scancel --signal=TERM "$SLURM_JOB_ID" 2> /dev/null
wait
exit $code
"""


@define
class _PendingJob:
    jobs: dict[str, Job] = field(factory=dict)
    settled: anyio.Event = field(factory=anyio.Event)
    failure: EngineError | None = None


@define
class MultiKernelJobs:
    """Collects the kernels of a session, which the cluster starts one by one, for one job."""

    _pending: dict[str, _PendingJob] = field(factory=dict, init=False)

    async def join(self, job: Job, submit: Submit) -> None:
        """Wait until this was called for all kernels of the session; the last call submits them.

        Raises EngineError if Slurm refuses the job, or if calls for other kernels are missing.
        """
        pending = self._pending.setdefault(job.session_id, _PendingJob())
        pending.jobs[job.kernel_id] = job
        try:
            if len(pending.jobs) == job.terms.cluster_size:
                await self._submit(pending, submit)
            with anyio.move_on_after(TIMEOUT):
                await pending.settled.wait()
        finally:
            if self._pending.get(job.session_id) is pending:
                pending.jobs.pop(job.kernel_id)
                if not pending.jobs:
                    del self._pending[job.session_id]
        if not pending.settled.is_set():
            raise EngineError("the other kernels of the session were not started in time")
        if pending.failure is not None:
            raise pending.failure

    async def _submit(self, pending: _PendingJob, submit: Submit) -> None:
        pending.failure = EngineError("the start was cancelled")
        try:
            await submit(in_order(pending.jobs.values()))
            pending.failure = None
        except EngineError as error:
            pending.failure = error
        finally:
            pending.settled.set()


@frozen
class Member:
    """A kernel that shares its job with other kernels of its session.

    `leader` is the id of the kernel after which the job is named. `at` is the number of this kernel
    in the job, from 0. With `spread`, each kernel has its own node.
    """

    leader: str
    at: int
    spread: bool

    def notes(self) -> dict[str, object]:
        """Return the notes from which a later cluster program can `read` this object."""
        return asdict(self)

    @classmethod
    def read(cls, notes: Mapping[str, object]) -> "Member | None":
        """Read such notes; None if the kernel is alone in its job."""
        match notes:
            case {"leader": str(leader), "at": int(at), "spread": bool(spread)}:
                return cls(leader, at, spread)
        return None

    def seen(self, listed: Listed) -> Listed:
        """Return the job as listed, but with the node of this kernel."""
        nodes = nodes_of(listed.nodes)
        at = self.at if self.spread else 0
        if isinstance(listed.state, Running) and at < len(nodes):
            return evolve(listed, state=evolve(listed.state, node=nodes[at]))
        return listed


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """Return the kernels of a session, the main one first."""
    return sorted(jobs, key=lambda job: (job.cluster_role != "main", job.cluster_index))


def is_spread(job: Job) -> bool:
    """Return whether each kernel of the session has its own node."""
    return job.terms.cluster_mode == "multi-node"


def multi_kernel_script(
    jobs: Sequence[Job], settings: Settings, report_to: str | None = None
) -> str:
    """Return the script for sbatch that starts the kernels of a session; the main one is first.

    The script starts the main kernel last, so that its task finds the other kernels started.
    """
    main, *subs = jobs
    places = _PLACES.format(
        names=" ".join(job.hostname for job in jobs),
        folders=shlex.join(str(job.cwd) for job in jobs),
        spread=int(is_spread(main)),
    )
    steps = [f"{_step(job, at, settings, report_to)} &" for at, job in enumerate(subs, 1)]
    parts = [preamble(settings.python), places, *steps]
    return "\n".join([*parts, f"{_step(main, 0, settings, report_to)} &", "main=$!", _END])


def _step(job: Job, at: int, settings: Settings, report_to: str | None) -> str:
    asked = [*resources(job, settings)]
    if settings.memory == "none":
        asked.append("--overlap")  # Otherwise the first step takes all memory.
    place = at if is_spread(job) else 0
    words = [
        *("srun", "--quiet", "--export=ALL", "--exact", "--nodes=1", "--ntasks=1"),
        f"--relative={place}",
        *asked,
        f"--chdir={job.cwd}",
        f"--output={job.cwd / 'supervisor.log'}",
        "--open-mode=append",
        *kernel_command(job, settings, report_to),
    ]
    return shlex.join(words)


def nodes_of(text: str) -> list[str]:
    """Return the names in a list of nodes as Slurm writes it, such as `n[1-3,07],gpu2`."""
    found = []
    for prefix, ranges, rest in re.findall(r"([^,\[\]]+)(?:\[([^\]]*)\])?([^,\[\]]*)", text):
        for part in ranges.split(",") if ranges else [""]:
            first, _, last = part.partition("-")
            numbers = range(int(first), int(last or first) + 1) if first.isdigit() else [first]
            found += [f"{prefix}{str(one).zfill(len(first))}{rest}" for one in numbers]
    return found
