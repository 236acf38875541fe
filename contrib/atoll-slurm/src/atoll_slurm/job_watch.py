"""Ask Slurm for the states of all jobs at a time, and translate them to the states of kernels."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import anyio
from anyio.abc import ByteStream
from attrs import Factory, define, evolve, field

from atoll_cluster.engines import (
    Arrival,
    Ended,
    EngineError,
    Running,
    Site,
    State,
    StateBoard,
    Unknown,
    Waiting,
    has_written_end,
)
from atoll_slurm.allocation import Allocation
from atoll_slurm.allocations import Allocations
from atoll_slurm.multi_kernel import Member
from atoll_slurm.pending_reasons import why_never_starts
from atoll_slurm.programs import NoAnswer, is_unreached, run
from atoll_slurm.pythons import Pythons
from atoll_slurm.queue import CANCELLED, REQUEUED, Listed, jobs
from atoll_slurm.start_watch import CHECK_INTERVAL, StartWatch

_log = logging.getLogger(__name__)

SHORTEST_INTERVAL, LONGEST_INTERVAL = 1.0, 30.0
"""Seconds between two questions to Slurm: while a change is expected, and at most."""
INTERVAL_GROWTH = 1.5
_SETTLED = 10.0
"""Seconds after its submission, from which on a job that Slurm does not list counts as ended."""
_INTERVAL_AFTER_END = 0.3
"""Seconds between questions to Slurm about a kernel that has written its end."""


@define
class JobWatch:
    """Knows the jobs of kernels, and keeps the states of kernels on a board."""

    site: Site
    _pythons: Pythons
    connect: Callable[[Allocation], Awaitable[ByteStream]]
    """Connects to the holder of a job."""
    board: StateBoard = field(factory=StateBoard, init=False)
    jobs: dict[str, str] = field(factory=dict, init=False)
    """The ids of jobs, by kernel."""
    members: dict[str, Member] = field(factory=dict, init=False)
    """Kernels that share a job with the other kernels of their session."""
    ending: set[str] = field(factory=set, init=False)
    """Kernels that were asked to end; for these, `cancelled` is not reported as a reason."""
    expected: set[str] = field(factory=set, init=False)
    """Kernels that are about to end by themselves."""
    held: Allocations = field(
        default=Factory(
            lambda self: Allocations(self.site, self._tell, self.connect), takes_self=True
        ),
        init=False,
    )
    """The jobs that are held for sweeps."""
    _is_tidied: bool = field(default=False, init=False)
    _submitted: dict[str, float] = field(factory=dict, init=False)
    _requeued: set[str] = field(factory=set, init=False)
    """Jobs that were requeued; they are cancelled, because the state of their kernels is lost."""
    _never_starting: set[str] = field(factory=set, init=False)
    """Kernels whose jobs can never start, according to Slurm's last answer."""
    start_watch: StartWatch = field(
        default=Factory(lambda self: StartWatch(self.site), takes_self=True), init=False
    )
    _must_ask: anyio.Event = field(factory=anyio.Event, init=False)

    def _tell(self, kernel_id: str, state: State | None) -> None:
        """Store the state of a kernel in a held job; with None, ask Slurm for it."""
        if state is None:
            self._must_ask.set()
        else:
            self.board.put({kernel_id: state})

    def ask_soon(self) -> None:
        """Ask Slurm at once."""
        self._must_ask.set()

    def starts(self, kernel_id: str) -> None:
        """Forget what is known of a kernel that is started, maybe again."""
        self.ending.discard(kernel_id)
        self.start_watch.forget(kernel_id)

    def submitted(self, kernel_ids: Sequence[str], job_id: str, folder: str = "") -> None:
        """Note the job that these kernels run in; `folder` shows that it has begun, if it is not
        those of the kernels.
        """
        for one in kernel_ids:
            self._submitted[one] = time.monotonic()
            self.start_watch.submitted(folder or one)
            self._note(one, job_id)
        self.board.put({one: self._first_state(one) for one in kernel_ids})
        self._must_ask.set()

    def _first_state(self, kernel_id: str) -> State:
        """Return the state of a kernel whose job was just submitted and may have started."""
        job_id, arrival = self.jobs[kernel_id], self.start_watch.arrival(kernel_id)
        return Running(arrival.node, job_id) if arrival else Waiting(engine_id=job_id)

    def arrived(self, arrival: Arrival) -> None:
        """Store that a kernel has reported its start; Slurm is soon asked for the rest."""
        self.start_watch.arrived(arrival)
        if isinstance(self.board[arrival.kernel_id], Waiting):
            self.board.put({arrival.kernel_id: self._first_state(arrival.kernel_id)})
            self._must_ask.set()

    def share(self, kernel_id: str, one: Allocation) -> None:
        """Note that a kernel runs in a held job."""
        member = self.members[kernel_id] = Member(one.id, 0, spread=False)
        # A later program needs this to find the job if we end before we know the job's id.
        self.site.remember(kernel_id, member.notes())

    def joined(self, kernel_id: str, one: Allocation) -> None:
        """Note that a kernel runs in a job that is held already."""
        self.share(kernel_id, one)
        self.ending.discard(one.id)
        self._submitted[kernel_id] = time.monotonic()
        self._note(kernel_id, one.job_id)
        self.board.put({kernel_id: Waiting(engine_id=one.job_id)})

    async def until_ended(self, kernel_id: str) -> None:
        """Wait for the end of a kernel that was asked to end.

        The kernel's folder shows the end before Slurm does; from then on Slurm is asked often.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_folder, kernel_id)
            while not isinstance(state := self.board[kernel_id], Ended):
                await self.board.watch(kernel_id, state)
            tasks.cancel_scope.cancel()

    async def _watch_folder(self, kernel_id: str) -> None:
        folder, has_ended = self.site.folder(kernel_id), False
        while True:
            await anyio.sleep(_INTERVAL_AFTER_END if has_ended else CHECK_INTERVAL)
            has_ended = has_ended or await anyio.to_thread.run_sync(has_written_end, folder)
            if has_ended:
                self._must_ask.set()

    async def until_known(self, kernel_id: str) -> None:
        """Wait until Slurm has told the state of a kernel."""
        while isinstance(state := self.board[kernel_id], Unknown):
            await self.board.watch(kernel_id, state)

    async def job_of(self, kernel_id: str) -> str:
        """Return the job id of another kernel; wait for it if that kernel is being submitted."""
        notes = await anyio.to_thread.run_sync(self.site.recall, kernel_id)
        with anyio.move_on_after(LONGEST_INTERVAL):
            while not (job_id := self.jobs.get(kernel_id) or (notes or {}).get("job_id")):
                await self.board.watch(kernel_id, self.board[kernel_id])
            return str(job_id)
        raise EngineError("Slurm has no job of a session that this one depends on")

    async def keep_asking(self) -> None:
        """Ask Slurm for all jobs again and again: often while states change, otherwise rarely."""
        pause = SHORTEST_INTERVAL
        while True:
            changed = await self._ask_safely()
            unended = self.board.unended()
            self.expected &= {*unended}
            waiting = any(isinstance(self.board[one], Waiting) for one in unended)
            longest = LONGEST_INTERVAL / 6 if waiting else LONGEST_INTERVAL
            longer = min(pause * INTERVAL_GROWTH, longest)
            pause = SHORTEST_INTERVAL if changed or self.expected else longer
            await self.start_watch.wait(self._must_ask, pause)
            if self._must_ask.is_set():
                self._must_ask, pause = anyio.Event(), SHORTEST_INTERVAL
                # Wait a little, so that one query covers many new kernels.
                await anyio.sleep(SHORTEST_INTERVAL / 10)

    async def _ask_safely(self) -> bool:
        """Ask Slurm once; an unexpected error is only logged, and affects no session."""
        try:
            return await self._ask()
        except Exception:  # noqa: BLE001 - what Slurm prints must not end the cluster
            _log.exception("asking Slurm for its jobs has failed")
            return False

    async def _ask(self) -> bool:
        """Ask Slurm once; returns whether any state has changed."""
        kernels = self.board.unended()
        if not kernels:
            return False
        since = time.monotonic()
        try:
            listed = {one.kernel_id: one for one in await jobs() if self._is_ours(one)}
            left = await anyio.to_thread.run_sync(self._ended_members, kernels, listed)
        except (NoAnswer, EngineError) as error:
            new: dict[str, State] = dict.fromkeys(kernels, Unknown(str(error)))
        else:
            # Slurm may have answered before some of them began.
            kernels = [one for one in kernels if not self.start_watch.arrival(one, since)]
            new = {one: self._state(one, listed.get(self.leader(one))) for one in kernels}
            left = [one for one in left if one in new]
            new |= {
                one: self._state_of_ended(listed.get(self.leader(one)), new[one]) for one in left
            }
            new = {one: self.held.state(one, state) for one, state in new.items()}
            await self._cancel_never_starting(new)
            new |= await anyio.to_thread.run_sync(self._without_python, new)
        changed = any(self.board[one] != state for one, state in new.items())
        if changed:
            self.board.put(new)
        while self._requeued:
            # If this fails, the job's script notices that Slurm has restarted it, and ends at once.
            await run(["scancel", self._requeued.pop()])
        return changed

    def leader(self, kernel_id: str) -> str:
        """Return the id of the kernel after which the job is named."""
        member = self.members.get(kernel_id)
        return member.leader if member else kernel_id

    def _ended_members(self, kernels: Sequence[str], listed: Mapping[str, Listed]) -> list[str]:
        """Return the kernels that have written their end, but share their job with others."""
        self.held.glance(kernels)
        if not self._is_tidied:
            self.held.tidy([one.kernel_id for one in listed.values() if not is_over(one)])
            self._is_tidied = True
        members = [one for one in kernels if one in self.members and not self.held.is_told(one)]
        return [one for one in members if has_written_end(self.site.folder(one))]

    def _state_of_ended(self, job: Listed | None, state: State) -> State:
        """Return the state of a kernel that has written its end, while its job may go on."""
        if job is None or job.is_leaving or not isinstance(state, Running):
            return state
        return Ended()

    def _without_python(self, states: Mapping[str, State]) -> dict[str, State]:
        """Return the states of kernels that have not started, because their node has no Python."""
        ended = [one for one, state in states.items() if state == Ended()]
        folders = {one: self._folder_of_job(one) for one in ended}
        reasons = {one: self._pythons.missed(one, folder) for one, folder in folders.items()}
        return {one: Ended(why) for one, why in reasons.items() if why}

    def _folder_of_job(self, kernel_id: str) -> Path:
        """Return the folder in whose `run/` the script of a kernel's job runs."""
        leader = self.leader(kernel_id)
        held = self.held.folder(leader)
        return held if held.exists() else self.site.folder(leader)

    async def _cancel_never_starting(self, states: dict[str, State]) -> None:
        """Cancel jobs that can never start, if two answers of Slurm in a row say so."""
        for kernel_id, state in states.items():
            why = why_never_starts(state.reason) if isinstance(state, Waiting) else None
            if why is None or self.leader(kernel_id) in self.ending:
                self._never_starting.discard(kernel_id)
            elif kernel_id not in self._never_starting:
                self._never_starting.add(kernel_id)
                self._must_ask.set()
            else:
                await self.cancel(self.jobs[kernel_id])
                states[kernel_id] = Ended(why)

    def _is_ours(self, listed: Listed) -> bool:
        """Return whether a listed job is the one that was submitted for its kernel."""
        known = self.jobs.get(listed.kernel_id)
        return known is None or known == listed.job_id

    def _state(self, kernel_id: str, listed: Listed | None) -> State:
        if listed is not None:
            self._note(kernel_id, listed.job_id)
            self.held.seen(kernel_id, listed)
            return self._with_reason(kernel_id, listed)
        if time.monotonic() - self._submitted.get(kernel_id, 0) < _SETTLED:
            return self.board[kernel_id]
        return Ended()

    def _with_reason(self, kernel_id: str, listed: Listed) -> State:
        """Return a job's state, with the reason if it has ended.

        If the cluster has asked the kernel to end, `cancelled` is not a reason. If Slurm has asked
        it to end because of its time limit, and it has ended in time, its own record tells that.
        """
        if isinstance(listed.state, Waiting) and isinstance(self.board[kernel_id], Running):
            self._requeued.add(listed.job_id)
            return Ended(REQUEUED)
        if not isinstance(listed.state, Ended):
            member = self.members.get(kernel_id)
            return self._with_job_id(member.seen(listed) if member else listed)
        is_asked = self.leader(kernel_id) in self.ending
        return Ended() if is_asked and listed.state == Ended(CANCELLED) else listed.state

    def _with_job_id(self, listed: Listed) -> State:
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
        if self.jobs.get(kernel_id) != job_id:
            self.jobs[kernel_id] = job_id
            member = self.members.get(kernel_id)
            with suppress(OSError):
                notes = member.notes() if member else {}
                self.site.remember(kernel_id, {"job_id": job_id, **notes})

    async def remember(self, kernel_id: str) -> None:
        """Find the job of a kernel that an earlier cluster program has submitted."""
        if kernel_id in self._submitted:
            return
        notes = await anyio.to_thread.run_sync(self.site.recall, kernel_id)
        if notes and isinstance(notes.get("job_id"), str):
            self.jobs[kernel_id] = notes["job_id"]
        if member := Member.read(notes or {}):
            self.members[kernel_id] = member
            await self.held.recall(member.leader, kernel_id)
        # That program has left no job id if it was killed right after sbatch. Then the job is found
        # by its name as soon as Slurm has listed the jobs.
        self.board.put({kernel_id: Unknown("Slurm has not answered yet")})
        self._submitted[kernel_id] = time.monotonic() - _SETTLED
        self._must_ask.set()

    async def cancel(self, *words: str) -> None:
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
            await anyio.sleep(LONGEST_INTERVAL / 6)


def is_over(listed: Listed) -> bool:
    """Return whether a job has ended."""
    return isinstance(listed.state, Ended)
