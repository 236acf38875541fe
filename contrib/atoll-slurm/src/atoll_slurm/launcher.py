"""The launcher for Slurm: it runs each kernel as a job, or as a step of its session's job."""

import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal

import anyio
from anyio.abc import ByteStream
from attrs import Factory, define, evolve, field

from atoll_cluster.engines import (
    Ended,
    EngineError,
    Image,
    Job,
    KernelGone,
    Node,
    Running,
    Site,
    State,
    StateBoard,
    Unknown,
    Waiting,
    connect_over_tcp,
    connect_through,
    has_written_end,
    kept_log,
    relay_command,
    runtimes,
)
from atoll_slurm.accounts import Accounting
from atoll_slurm.beginnings import GLANCE, Beginnings
from atoll_slurm.gangs import Gangs, Member, gang_script, is_spread
from atoll_slurm.images import images, offered
from atoll_slurm.never import never
from atoll_slurm.nodes import nodes
from atoll_slurm.options import NOTICE, USUAL_PRIORITY, account_of, limit, options, partition_of
from atoll_slurm.partitions import Partitions
from atoll_slurm.programs import NoAnswer, Ran, is_unreached, run
from atoll_slurm.queue import CANCELLED, REQUEUED, TIME_LIMIT, Listed, jobs
from atoll_slurm.script import kernel_command, script
from atoll_slurm.settings import Settings
from atoll_slurm.times import shortest

_log = logging.getLogger(__name__)

SOON, LATER = 1.0, 30.0
"""Seconds between two questions to Slurm: while a change is expected, and at most."""
SLOWER = 1.5
_SETTLED = 10.0
"""Seconds after its submission, from which on a job that Slurm does not list counts as ended."""
_AFTER_END = 0.3
"""Seconds between questions to Slurm about a kernel that has written its end."""
_NEW = 3.0
"""Seconds to wait for a kernel to listen, before a connection through a step is tried."""
_SLACK = 5.0
"""Seconds by which clocks may differ and Slurm may send its signal early."""
_LAST = 15.0
"""Seconds after the grace period, after which a job that was asked to end is cancelled."""


@define
class SlurmLauncher:
    """Starts kernels as jobs, and asks Slurm for the states of all jobs at a time."""

    site: Site
    settings: Settings
    is_here: bool = False
    _partitions: Partitions = field(factory=Partitions, init=False)
    _accounting: Accounting = field(factory=Accounting, init=False)
    _board: StateBoard = field(factory=StateBoard, init=False)
    _jobs: dict[str, str] = field(factory=dict, init=False)
    """The ids of jobs, by kernel."""
    _submitted: dict[str, float] = field(factory=dict, init=False)
    _begun_twice: set[str] = field(factory=set, init=False)
    """Jobs that were requeued; they are cancelled, because the state of their kernels is lost."""
    _ending: set[str] = field(factory=set, init=False)
    """Kernels that were asked to end; for these, `cancelled` is not reported as a reason."""
    _gangs: Gangs = field(factory=Gangs, init=False)
    _members: dict[str, Member] = field(factory=dict, init=False)
    """Kernels that share a job with the other kernels of their session."""
    _hopeless: set[str] = field(factory=set, init=False)
    """Kernels whose jobs can never start, according to Slurm's last answer."""
    _expected: set[str] = field(factory=set, init=False)
    """Kernels that are about to end by themselves."""
    _seen_running: dict[str, float] = field(factory=dict, init=False)
    """Times at which a connection over TCP to a running kernel first failed, by kernel."""
    _limits: dict[str, datetime | None] = field(factory=dict, init=False)
    """Times at which running jobs reach their time limits, by kernel."""
    _look: anyio.Event = field(factory=anyio.Event, init=False)
    _beginnings: Beginnings = field(
        default=Factory(lambda self: Beginnings(self.site), takes_self=True), init=False
    )

    def capacity(self) -> Mapping[str, Decimal] | None:
        """Return None, because Slurm has its own queue."""
        return None

    def images(self) -> Sequence[Image] | None:
        """Return the images that the user has set, then the runtimes of the login node, which are
        usually the same on all nodes.
        """
        return offered(images(self.settings.images), runtimes(self.site.root))

    async def groups(self) -> Sequence[str]:
        """Return the partitions that this user may use."""
        try:
            return [one.name for one in await self._partitions.all()]
        except NoAnswer as error:
            raise EngineError(f"Slurm can't be asked: {error}") from None

    async def accounts(self) -> Sequence[str]:
        """Return this user's accounts; none if Slurm has no accounting."""
        await self._accounting.look()
        return self._accounting.accounts

    async def nodes(self) -> Sequence[Node]:
        """Return the nodes, with the slots that all users together occupy."""
        try:
            return await nodes(self.settings.partition)
        except NoAnswer as error:
            raise EngineError(f"Slurm can't be asked: {error}") from None

    async def start(self, job: Job) -> None:
        """Submit a kernel's job."""
        self._ending.discard(job.kernel_id)
        self._seen_running.pop(job.kernel_id, None)
        if job.terms.cluster_size > 1:
            await self._gangs.join(job, self._submit_gang)
            return
        await self._submit([job], script(kernel_command(job, self.settings)))

    async def _submit_gang(self, jobs: Sequence[Job]) -> None:
        """Submit the kernels of a session as one job, which is named after the main kernel."""
        for at, job in enumerate(jobs):
            member = self._members[job.kernel_id] = Member(jobs[0].kernel_id, at, is_spread(job))
            # A later program needs this to find the job if we end before we know the job's id.
            self.site.remember(job.kernel_id, member.notes())
        await self._submit(jobs, gang_script(jobs, self.settings))

    async def _submit(self, jobs: Sequence[Job], text: str) -> None:
        job = jobs[0]
        try:
            after = [await self._job_of(one) for one in job.terms.after]
            argv = ["sbatch", *options(job, self.settings, await self._longest(job), after)]
            ran = await run(argv, text)
        except NoAnswer as error:
            raise EngineError(f"Slurm takes no jobs at present: {error}") from None
        if ran.code:
            what = "Slurm takes no jobs at present" if is_unreached(ran) else "Slurm refuses"
            raise EngineError(f"{what}: {ran.words}{_hint(job, ran)}")
        job_id = re.search(r"^(\d+)(;\S+)?\s*$", ran.out, re.MULTILINE)
        if job_id is None:
            raise EngineError(f"sbatch tells no id of a job: {ran.out.strip()[:200]!r}")
        for one in jobs:
            self._submitted[one.kernel_id] = time.monotonic()
            self._beginnings.submitted(one.kernel_id)
            self._note(one.kernel_id, job_id[1])
        self._board.put({one.kernel_id: Waiting(engine_id=job_id[1]) for one in jobs})
        self._look.set()

    async def _job_of(self, kernel_id: str) -> str:
        """Return the job id of another kernel; wait for it if that kernel is being submitted."""
        notes = await anyio.to_thread.run_sync(self.site.recall, kernel_id)
        with anyio.move_on_after(LATER):
            while not (job_id := self._jobs.get(kernel_id) or (notes or {}).get("job_id")):
                await self._board.watch(kernel_id, self._board[kernel_id])
            return str(job_id)
        raise EngineError("Slurm has no job of a session that this one depends on")

    async def watch(self, kernel_id: str, known: State | None) -> State:
        """Wait until the state of a kernel differs from `known`, and return the state."""
        await self._remember(kernel_id)
        return await self._board.watch(kernel_id, known)

    async def end(self, kernel_id: str, grace: float) -> None:
        """Cancel a job that waits; ask a job that runs to end, and cancel it if it does not."""
        await self._remember(kernel_id)
        with anyio.move_on_after(LATER):
            await self._until_known(kernel_id)
        if kernel_id not in self._jobs:
            await self._until_known(kernel_id)  # Only Slurm knows the job's id.
        if (job_id := self._jobs.get(kernel_id)) is None:
            return
        self._ending.add(self._leader(kernel_id))
        if grace and isinstance(self._board[kernel_id], Running):
            # A single kernel is the job's script; several kernels are steps of the job.
            whom = [] if kernel_id in self._members else ["--batch"]
            await self._cancel(*whom, "--signal=TERM", job_id)
            self._look.set()
            with anyio.move_on_after(grace + _LAST):
                await self._until_ended(kernel_id)
        if not isinstance(self._board[kernel_id], Ended):
            await self._cancel(job_id)
            self._look.set()

    async def _until_ended(self, kernel_id: str) -> None:
        """Wait for the end of a kernel that was asked to end.

        The kernel's folder shows the end before Slurm does; from then on Slurm is asked often.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._glance_for_end, kernel_id)
            while not isinstance(state := self._board[kernel_id], Ended):
                await self._board.watch(kernel_id, state)
            tasks.cancel_scope.cancel()

    async def _glance_for_end(self, kernel_id: str) -> None:
        folder, has_ended = self.site.folder(kernel_id), False
        while True:
            await anyio.sleep(_AFTER_END if has_ended else GLANCE)
            has_ended = has_ended or await anyio.to_thread.run_sync(has_written_end, folder)
            if has_ended:
                self._look.set()

    def expect_end(self, kernel_id: str) -> None:
        """Ask Slurm often until a kernel has ended."""
        self._expected.add(kernel_id)
        self._look.set()

    async def _until_known(self, kernel_id: str) -> None:
        while isinstance(state := self._board[kernel_id], Unknown):
            await self._board.watch(kernel_id, state)

    async def connect(self, kernel_id: str, name: str) -> ByteStream:
        """Connect over TCP, or through a step of the job if the node accepts no connections."""
        folder = self.site.folder(kernel_id)
        try:
            return await connect_over_tcp(folder, name)
        except KernelGone:
            if not isinstance(state := self._board[kernel_id], Running) or self._is_new(kernel_id):
                raise
        job_id = self._jobs[kernel_id]
        srun = ["srun", f"--jobid={job_id}", "--overlap", "--ntasks=1", "--mem=0", "--quiet"]
        # Otherwise slurmstepd holds back output without a line break, and SSH waits forever.
        srun += ["--unbuffered"]
        srun += [f"--nodelist={state.node}"] if state.node else []
        srun += [f"--chdir={folder / 'run'}", "--export=ALL"]
        return await connect_through([*srun, *relay_command(self.settings.python)], name)

    def _is_new(self, kernel_id: str) -> bool:
        """Return whether a kernel may not listen yet; then a step could not reach it, either."""
        since = self._seen_running.setdefault(kernel_id, time.monotonic())
        return time.monotonic() - since < _NEW

    async def _longest(self, job: Job) -> str:
        """Return the time limit of a job: its own, that of the settings, or the longest allowed.

        Without a time limit, Slurm uses the partition's default, which may be a few minutes.
        """
        if isinstance(seconds := job.terms.options.get("time_limit"), int):
            return limit(seconds)
        if self.settings.time:
            return self.settings.time
        found = await self._partitions.find(partition_of(job, self.settings))
        await self._accounting.look(again=False)
        account = account_of(job, self.settings)
        limits = [self._accounting.longest(account, self.settings.qos)]
        return shortest([*limits, found.longest] if found else limits)

    def logs(self, kernel_id: str) -> AsyncGenerator[bytes]:
        """Yield the log in the kernel's folder."""
        return kept_log(self.site.folder(kernel_id))

    async def keep_looking(self) -> None:
        """Ask Slurm for all jobs again and again: often while states change, otherwise rarely."""
        pause = SOON
        while True:
            changed = await self._ask_safely()
            unended = self._board.unended()
            self._expected &= {*unended}
            waiting = any(isinstance(self._board[one], Waiting) for one in unended)
            longer = min(pause * SLOWER, LATER / 6 if waiting else LATER)
            pause = SOON if changed or self._expected else longer
            await self._beginnings.wait(self._look, pause)
            if self._look.is_set():
                self._look, pause = anyio.Event(), SOON
                await anyio.sleep(SOON / 10)  # so that one question covers many new kernels

    async def _ask_safely(self) -> bool:
        """Ask Slurm once; an unexpected error is only logged, and affects no session."""
        try:
            return await self._ask()
        except Exception:  # noqa: BLE001 - what Slurm prints must not end the cluster
            _log.exception("a look at Slurm's jobs has failed")
            return False

    async def _ask(self) -> bool:
        """Ask Slurm once; returns whether any state has changed."""
        kernels = self._board.unended()
        if not kernels:
            return False
        try:
            listed = {one.kernel_id: one for one in await jobs() if self._is_ours(one)}
            left = await anyio.to_thread.run_sync(self._left, kernels)
        except (NoAnswer, EngineError) as error:
            new: dict[str, State] = dict.fromkeys(kernels, Unknown(str(error)))
        else:
            new = {one: self._state(one, listed.get(self._leader(one))) for one in kernels}
            new |= {one: self._left_for(listed.get(self._leader(one)), new[one]) for one in left}
            await self._give_up(new)
        changed = any(self._board[one] != state for one, state in new.items())
        if changed:
            self._board.put(new)
        while self._begun_twice:
            # If this fails, the job's script notices that Slurm has restarted it, and ends at once.
            await run(["scancel", self._begun_twice.pop()])
        return changed

    def _leader(self, kernel_id: str) -> str:
        """Return the id of the kernel after which the job is named."""
        member = self._members.get(kernel_id)
        return member.leader if member else kernel_id

    def _left(self, kernels: Sequence[str]) -> list[str]:
        """Return the kernels that have written their end, but share their job with others."""
        members = [one for one in kernels if one in self._members]
        return [one for one in members if has_written_end(self.site.folder(one))]

    def _left_for(self, job: Listed | None, state: State) -> State:
        """Return the state of a kernel that has written its end, while its job may go on."""
        if job is None or job.is_leaving or not isinstance(state, Running):
            return state
        is_late = job.ends is not None and is_near(job.ends) and job.kernel_id not in self._ending
        return Ended(TIME_LIMIT if is_late else None)

    async def _give_up(self, states: dict[str, State]) -> None:
        """Cancel jobs that can never start, if two answers of Slurm in a row say so."""
        for kernel_id, state in states.items():
            why = never(state.reason) if isinstance(state, Waiting) else None
            if why is None or self._leader(kernel_id) in self._ending:
                self._hopeless.discard(kernel_id)
            elif kernel_id not in self._hopeless:
                self._hopeless.add(kernel_id)
                self._look.set()
            else:
                await self._cancel(self._jobs[kernel_id])
                states[kernel_id] = Ended(why)

    def _is_ours(self, listed: Listed) -> bool:
        """Return whether a listed job is the one that was submitted for its kernel."""
        known = self._jobs.get(listed.kernel_id)
        return known is None or known == listed.job_id

    def _state(self, kernel_id: str, listed: Listed | None) -> State:
        if listed is not None:
            self._note(kernel_id, listed.job_id)
            return self._with_reason(kernel_id, listed)
        if time.monotonic() - self._submitted.get(kernel_id, 0) < _SETTLED:
            return self._board[kernel_id]
        return Ended()

    def _with_reason(self, kernel_id: str, listed: Listed) -> State:
        """Return a job's state, with the reason if it has ended.

        If the cluster has asked the kernel to end, `cancelled` is not a reason. If Slurm has asked
        it to end because of its time limit, the time limit is the reason, although Slurm reports
        the job as completed if it has ended in time.
        """
        if isinstance(listed.state, Waiting) and isinstance(self._board[kernel_id], Running):
            self._begun_twice.add(listed.job_id)
            return Ended(REQUEUED)
        if not isinstance(listed.state, Ended):
            self._limits[kernel_id] = listed.ends or self._limits.get(kernel_id)
            member = self._members.get(kernel_id)
            return self._placed(member.seen(listed) if member else listed)
        if self._leader(kernel_id) in self._ending:
            return Ended() if listed.state == Ended(CANCELLED) else listed.state
        limit = self._limits.pop(kernel_id, None)
        is_late = limit and listed.ends and limit - listed.ends < timedelta(seconds=NOTICE)
        return Ended(TIME_LIMIT) if is_late and listed.state == Ended() else listed.state

    def _placed(self, listed: Listed) -> State:
        """Return a job's state with the job's id and, if it runs, the end of its time limit."""
        state = listed.state
        if isinstance(state, Waiting):
            return evolve(state, engine_id=listed.job_id)
        if isinstance(state, Running):
            # squeue prints times in the time zone of this machine.
            ends_at = listed.ends.astimezone() if listed.ends else None
            return evolve(state, engine_id=listed.job_id, ends_at=ends_at)
        return state

    def _note(self, kernel_id: str, job_id: str) -> None:
        if self._jobs.get(kernel_id) != job_id:
            self._jobs[kernel_id] = job_id
            member = self._members.get(kernel_id)
            with suppress(OSError):
                notes = member.notes() if member else {}
                self.site.remember(kernel_id, {"job_id": job_id, **notes})

    async def _remember(self, kernel_id: str) -> None:
        """Find the job of a kernel that an earlier cluster program has submitted."""
        if kernel_id in self._submitted:
            return
        notes = await anyio.to_thread.run_sync(self.site.recall, kernel_id)
        if notes and isinstance(notes.get("job_id"), str):
            self._jobs[kernel_id] = notes["job_id"]
        if member := Member.read(notes or {}):
            self._members[kernel_id] = member
        # That program has left no job id if it was killed right after sbatch. Then the job is found
        # by its name as soon as Slurm has listed the jobs.
        self._board.put({kernel_id: Unknown("Slurm is being asked")})
        self._submitted[kernel_id] = time.monotonic() - _SETTLED
        self._look.set()

    async def _cancel(self, *words: str) -> None:
        """Run scancel, again until the controller answers, because a job must not outlive its
        session. If scancel fails because the job has ended meanwhile, that is not an error.
        """
        while True:
            try:
                ran = await run(["scancel", *words])
                if not is_unreached(ran):
                    return
                _log.warning("scancel is tried again: %s", ran.words)
            except NoAnswer as error:
                _log.warning("scancel is tried again: %s", error)
            await anyio.sleep(LATER / 6)


def is_near(limit: datetime) -> bool:
    """Return whether Slurm has by now asked jobs with this time limit to end."""
    return limit - datetime.now() < timedelta(seconds=NOTICE + _SLACK)  # noqa: DTZ005 - Slurm's has no zone


def _hint(job: Job, ran: Ran) -> str:
    """Return an explanation that Slurm's message does not contain, empty if there is none."""
    if "nice" in ran.words and job.terms.priority > USUAL_PRIORITY:
        return f"; it lets operators alone have a priority above {USUAL_PRIORITY}"
    return ""


@asynccontextmanager
async def launcher(site: Site) -> AsyncIterator[SlurmLauncher]:
    """Open the launcher for Slurm; raises EngineError for invalid settings."""
    settings = Settings.read(site.settings)
    images(settings.images)  # This raises EngineError for an invalid image.
    made = SlurmLauncher(site, settings)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.keep_looking)
        try:
            yield made
        finally:
            tasks.cancel_scope.cancel()
