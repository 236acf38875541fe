"""The launcher for Slurm: it runs each kernel as a job, or as a step of its session's job."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import anyio
from anyio.abc import ByteStream, TaskStatus
from attrs import Factory, define, field

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
    allow_connections,
    connect_over_tcp,
    kept_log,
    receive_arrivals,
    relay_command,
    runtimes,
)
from atoll_slurm.allocation import HOLDER_SOCKET, Allocation
from atoll_slurm.holding import held_job, held_script, request, series_of, time_limit
from atoll_slurm.images import images, offered
from atoll_slurm.job_watch import LONGEST_INTERVAL, JobWatch
from atoll_slurm.multi_kernel import Member, MultiKernelJobs, is_spread, multi_kernel_script
from atoll_slurm.nodes import nodes
from atoll_slurm.programs import NoAnswer
from atoll_slurm.pythons import Pythons
from atoll_slurm.reaching import connect_through_step
from atoll_slurm.script import kernel_command, script
from atoll_slurm.settings import Settings
from atoll_slurm.submission import Submission

_LISTEN_TIME = 3.0
"""Seconds to wait for a kernel to listen, before a connection through a step is tried."""
_CANCEL_AFTER = 15.0
"""Seconds after the grace period, after which a job that was asked to end is cancelled."""


@define
class SlurmLauncher:
    """Starts kernels as jobs, connects to them, and ends them."""

    site: Site
    settings: Settings
    is_here: bool = False
    report_to: str | None = field(default=None, init=False)
    """The address to which kernels report their start."""
    _submission: Submission = field(
        default=Factory(lambda self: Submission(self.settings), takes_self=True), init=False
    )
    _pythons: Pythons = field(
        default=Factory(lambda self: Pythons(self.settings), takes_self=True), init=False
    )
    _watch: JobWatch = field(
        default=Factory(
            lambda self: JobWatch(self.site, self._pythons, self._reach_holder), takes_self=True
        ),
        init=False,
    )
    _multi_kernel_jobs: MultiKernelJobs = field(factory=MultiKernelJobs, init=False)
    _seen_running: dict[str, float] = field(factory=dict, init=False)
    """Times at which a connection over TCP to a running kernel first failed, by kernel."""

    def capacity(self) -> Mapping[str, Decimal] | None:
        """Return None, because Slurm has its own queue."""
        return None

    def images(self) -> Sequence[Image] | None:
        """Return the images that the user has set, then the runtimes of the login node, which are
        usually the same on all nodes.
        """
        return offered(images(self.settings.images), runtimes(self.site.root))

    def shown(self) -> Sequence[Path] | None:
        """Return what sessions see in a sandbox besides the system; None without a sandbox."""
        return self.settings.shown if self.settings.sandbox == "auto" else None

    async def groups(self) -> Sequence[str]:
        """Return the partitions that this user may use."""
        try:
            return [one.name for one in await self._submission.partitions.all()]
        except NoAnswer as error:
            raise EngineError(f"Slurm can't be queried: {error}") from None

    async def accounts(self) -> Sequence[str]:
        """Return this user's accounts; none if Slurm has no accounting."""
        await self._submission.accounting.refresh()
        return self._submission.accounting.accounts

    async def nodes(self) -> Sequence[Node]:
        """Return the nodes, with the slots that all users together occupy."""
        try:
            return await nodes(self.settings.partition)
        except NoAnswer as error:
            raise EngineError(f"Slurm can't be queried: {error}") from None

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Ask Slurm for the states of jobs, receive reports of kernels, and follow held jobs."""
        async with (
            receive_arrivals(self.site, self._watch.arrived) as self.report_to,
            anyio.create_task_group() as self._watch.held.tasks,
        ):
            task_status.started()
            await self._watch.keep_asking()

    async def start(self, job: Job) -> None:
        """Submit a kernel's job."""
        self._pythons.check(job)
        self._watch.starts(job.kernel_id)
        self._seen_running.pop(job.kernel_id, None)
        if job.terms.cluster_size > 1:
            await self._multi_kernel_jobs.join(job, self._submit_together)
        elif series := series_of(job, self.settings):
            await self._start_held(job, series)
        else:
            await self._submit([job], script(kernel_command(job, self.settings, self.report_to)))

    async def _start_held(self, job: Job, series: str) -> None:
        """Start a kernel in a job that is held for it, or submit such a job."""
        held, wanted = self._watch.held, request(job, self.settings)
        if (one := await held.take(series, job.kernel_id)) is not None:
            self._watch.joined(job.kernel_id, one)
            if await held.hand(one, wanted):
                return
            held.drop(one)
            await self._watch.cancel(one.job_id)
        one = Allocation(uuid4().hex, series, time_limit(job))
        await held.add(one, wanted)
        self._watch.share(job.kernel_id, one)
        folder = held.folder(one.id)
        await anyio.to_thread.run_sync(allow_connections, folder)
        try:
            shape = held_job(job, one.id, folder)
            one.job_id = await self._submission.submit_held(
                shape, held_script(self.settings, self.site.root)
            )
        except BaseException:
            held.drop(one)
            raise
        self._watch.submitted([job.kernel_id], one.job_id, held.name(one))

    async def _submit_together(self, jobs: Sequence[Job]) -> None:
        """Submit the kernels of a session as one job, which is named after the main kernel."""
        for at, job in enumerate(jobs):
            member = Member(jobs[0].kernel_id, at, is_spread(job))
            self._watch.members[job.kernel_id] = member
            # A later program needs this to find the job if we end before we know the job's id.
            self.site.remember(job.kernel_id, member.notes())
        await self._submit(jobs, multi_kernel_script(jobs, self.settings, self.report_to))

    async def _submit(self, jobs: Sequence[Job], text: str) -> None:
        after = [await self._watch.job_of(one) for one in jobs[0].terms.after]
        job_id = await self._submission.submit(jobs[0], text, after)
        self._watch.submitted([one.kernel_id for one in jobs], job_id)

    async def watch(self, kernel_id: str, known: State | None) -> State:
        """Wait until the state of a kernel differs from `known`, and return the state."""
        await self._watch.remember(kernel_id)
        return await self._watch.board.watch(kernel_id, known)

    async def end(self, kernel_id: str, grace: float) -> None:
        """Cancel a job that waits; ask a job that runs to end, and cancel it if it does not."""
        watch = self._watch
        if one := watch.held.of(kernel_id):
            one.is_ending = True
        await watch.remember(kernel_id)
        with anyio.move_on_after(LONGEST_INTERVAL):
            await watch.until_known(kernel_id)
        if kernel_id not in watch.jobs:
            await watch.until_known(kernel_id)  # Only Slurm knows the job's id.
        if (job_id := watch.jobs.get(kernel_id)) is None:
            return
        watch.ending.add(watch.leader(kernel_id))
        one = watch.held.of(kernel_id)
        if one is not None and one.talk is not None:
            await watch.held.end(one, grace)
            with anyio.move_on_after(grace + _CANCEL_AFTER):
                await watch.until_ended(kernel_id)
        elif grace and isinstance(watch.board[kernel_id], Running):
            # A single kernel is the job's script; several kernels are steps of the job.
            whom = [] if kernel_id in watch.members and one is None else ["--batch"]
            await watch.cancel(*whom, "--signal=TERM", job_id)
            watch.ask_soon()
            with anyio.move_on_after(grace + _CANCEL_AFTER):
                await watch.until_ended(kernel_id)
        if not isinstance(watch.board[kernel_id], Ended):
            await watch.cancel(job_id)
            watch.ask_soon()

    def expect_end(self, kernel_id: str) -> None:
        """Ask Slurm often until a kernel has ended."""
        self._watch.expected.add(kernel_id)
        self._watch.ask_soon()

    async def connect(self, kernel_id: str, name: str) -> ByteStream:
        """Connect over TCP, or through a step of the job if the node accepts no connections."""
        if one := self._watch.held.of(kernel_id):
            return await self._reach_holder(one, f"{kernel_id}/{name}")
        folder = self.site.folder(kernel_id)
        try:
            arrival = self._watch.start_watch.arrival(kernel_id)
            return await connect_over_tcp(folder, name, arrival=arrival)
        except KernelGone:
            state = self._watch.board[kernel_id]
            if not isinstance(state, Running) or self._is_new(kernel_id):
                raise
        job_id, relay = self._watch.jobs[kernel_id], relay_command(self.settings.python)
        return await connect_through_step(folder, name, job_id, state.node, relay)

    async def _reach_holder(self, one: Allocation, name: str = HOLDER_SOCKET) -> ByteStream:
        """Connect to the holder of a job, or to a kernel there."""
        folder = self._watch.held.folder(one.id)
        try:
            return await connect_over_tcp(folder, name)
        except KernelGone:
            if self._is_new(one.id):
                raise
        relay = relay_command(self.settings.python, self.site.root)
        return await connect_through_step(folder, name, one.job_id, one.node, relay)

    def _is_new(self, kernel_id: str) -> bool:
        """Return whether a kernel may not listen yet; then a step could not reach it, either."""
        since = self._seen_running.setdefault(kernel_id, time.monotonic())
        return time.monotonic() - since < _LISTEN_TIME

    def logs(self, kernel_id: str) -> AsyncGenerator[bytes]:
        """Yield the log in the kernel's folder."""
        return kept_log(self.site.folder(kernel_id))


@asynccontextmanager
async def launcher(site: Site) -> AsyncIterator[SlurmLauncher]:
    """Open the launcher for Slurm; raises EngineError for invalid settings."""
    settings = Settings.read(site.settings)
    images(settings.images)  # This raises EngineError for an invalid image.
    settings.shown  # noqa: B018 - and this for a folder without an absolute path
    made = SlurmLauncher(site, settings)
    async with anyio.create_task_group() as tasks:
        await tasks.start(made.run)
        try:
            yield made
        finally:
            tasks.cancel_scope.cancel()
