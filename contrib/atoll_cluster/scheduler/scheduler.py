"""The scheduler: starts sessions from the queue, watches kernels, ends sessions.

For each running kernel, one task waits for its end. Code that stops a session only asks the kernels
to stop; these tasks then record the end.
"""

import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from uuid import uuid4

import anyio

from atoll_cluster import clock
from atoll_cluster.engine.contract import Engine, EngineError, ExitStatus, Kernel
from atoll_cluster.engine.states import State, Unknown, why_waiting
from atoll_cluster.images import Images
from atoll_cluster.put_aside import Item
from atoll_cluster.scheduler.assignments import Assignments
from atoll_cluster.scheduler.batch import follow_startup_command
from atoll_cluster.scheduler.bus import Bus
from atoll_cluster.scheduler.callbacks import Callbacks
from atoll_cluster.scheduler.concurrency import run_concurrently
from atoll_cluster.scheduler.end_warnings import EndWarnings
from atoll_cluster.scheduler.idleness import Idleness
from atoll_cluster.scheduler.lifecycle import Lifecycle, StatusError
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.scheduler.metering import Metering
from atoll_cluster.scheduler.queue import Queue
from atoll_cluster.scheduler.specs import Specs
from atoll_cluster.scheduler.waiting_kernels import WaitingKernels
from atoll_cluster.slots import recorded
from atoll_cluster.store.errors import StoreUnavailable
from atoll_cluster.store.records import DEAD, ENDED, KernelRow, Session
from atoll_cluster.store.store import Store
from atoll_cluster.supervision import TaskKind, TaskSupervisor, Work, retry_while_unavailable

_log = logging.getLogger(__name__)
_USUAL_ENDS = {"user-requested", "force-terminated", "self-terminated", "unknown"}
"""Reasons that explain the end of a batch session less well than its result does."""


class Scheduler:
    """Owns the running kernels."""

    def __init__(
        self, store: Store, engine: Engine, machine: Machine, bus: Bus, supervisor: TaskSupervisor
    ) -> None:
        self.store = store
        self.engine = engine
        self.machine = machine
        self.bus = bus
        self.supervisor = supervisor
        self.lifecycle = Lifecycle(store, bus)
        self.queue = Queue(machine, self.lifecycle, supervisor)
        self.images = Images(store.tables, engine)
        self.specs = Specs(
            self.images, machine, store.sessions, store.kernels, store.dotfiles, store.accounts
        )
        self.metering = Metering(engine)
        self.idleness = Idleness(self)
        self.assignments = Assignments(store.kernels, machine)
        self.running: dict[str, Kernel] = {}
        """The kernels by kernel id, from their start until their end is recorded."""
        self._watched: set[str] = set()
        """The ids of the kernels for which a task waits for the end."""
        self._launches: dict[str, anyio.CancelScope] = {}
        self._wake = anyio.Event()
        supervisor.fail_session = self.fail
        engine.on_fault(supervisor.give_up_session)

    def begin(self) -> None:
        """Start to measure kernels and to post callbacks; no session starts from the queue yet."""
        callbacks = Callbacks(self.store.sessions, self.bus, self.supervisor)
        self.supervisor.start(TaskKind.METERING, self.metering.run)
        self.supervisor.start(TaskKind.CALLBACKS, callbacks.run)

    def serve(self) -> None:
        """Start the tasks for the queue and for time limits; their end does not end sessions."""
        self.supervisor.start(TaskKind.IDLENESS, self.idleness.run)
        self.supervisor.start(TaskKind.ENDINGS, EndWarnings(self).run)
        self.supervisor.start(TaskKind.QUEUE, self._serve_queue)

    async def _serve_queue(self) -> None:
        while True:
            self._wake = anyio.Event()
            for session in self.queue.schedule():
                self._start_launch(session.id)
            for session, why in self.queue.with_failed_dependency():
                self.terminate(session.id, why)
            with anyio.move_on_after(self.queue.next_start()):
                await self._wake.wait()

    def wake(self) -> None:
        """Schedule the queue again: a session has arrived, or slots have become free."""
        self._wake.set()

    def submit(self, session: Session, kernels: list[KernelRow]) -> None:
        """Add a session to the queue."""
        self.lifecycle.enqueue(session, kernels)
        self.wake()

    def main_kernel(self, session: Session) -> Kernel | None:
        """Return the main kernel of a session while it runs."""
        return self.running.get(self.store.kernels.main(session.id).id)

    def attach(self, row: KernelRow, kernel: Kernel) -> None:
        """Start to watch a started kernel, unless it is watched already."""
        if row.id in self.running:
            return
        self.metering.add(kernel.spec, clock.age(row.status_changed))
        self.running[row.id] = kernel
        self._start(TaskKind.WATCH, row, partial(self._watch, row, kernel))

    def follow_batch(self, session: Session) -> None:
        """Follow a batch session's startup command to its end."""
        if session.type == "BATCH" and session.startup_command:
            self.supervisor.start(
                TaskKind.STARTUP_COMMAND,
                partial(follow_startup_command, self, session.id),
                session=session.id,
            )

    def terminate(self, session_id: str, reason: str, *, forced: bool = False) -> None:
        """Start to end a session; its status shows when it has ended."""
        session = self.store.sessions.get(session_id)
        if session.status in DEAD:
            return
        if session.status == "PENDING":
            self.lifecycle.move(session_id, "CANCELLED", reason)
            self.wake()
            return
        if session.status == "ERROR":
            self.stop_kernels(session_id, forced=True)
            self.lifecycle.move(session_id, "TERMINATED", reason)
            self.supervisor.put_aside.remove(Item("session", session_id))
            return
        if session.status != "TERMINATING":
            self.lifecycle.move(session_id, "TERMINATING", reason)
        self.store.db.afterwards(lambda: self._end_kernels(session_id, forced=forced))

    def _end_kernels(self, session_id: str, *, forced: bool) -> None:
        if launch := self._launches.get(session_id):
            launch.cancel()  # It stops the kernels that it has started.
        else:
            self.stop_kernels(session_id, forced=forced)

    def fail(self, session_id: str, reason: str) -> None:
        """Set a session to ERROR with a reason, and start to stop its kernels."""
        if self.lifecycle.fail(session_id, reason):
            self._end_kernels(session_id, forced=True)
            self.wake()

    def restart(self, session_id: str) -> None:
        """Start to restart the kernels of a running session in their homes.

        Raises StatusError for a session that does not run.
        """
        session, main = self.store.sessions.get(session_id), self.store.kernels.main(session_id)
        if session.status not in ENDED and main.status in DEAD:
            raise StatusError(f"session {session.name} has just ended: {main.status_info}")
        self.lifecycle.move(session_id, "RESTARTING", "restarting")
        self.resume_launch(session_id)

    def resume_launch(self, session_id: str) -> None:
        """Continue the start or restart of a session after a recovery."""
        self._start_launch(session_id)

    async def ended(self, session_id: str) -> Session:
        """Wait until a session has ended, or has become ERROR."""
        while True:
            change = self.bus.change()
            session = self.store.sessions.get(session_id)
            if session.status in ENDED:
                return session
            await change.wait()

    async def end_all(self, reason: str) -> None:
        """End all sessions, and wait until they have ended."""
        unfinished = await retry_while_unavailable(self.store.sessions.unfinished)
        for session in unfinished:
            with self.supervisor.isolate_failure(TaskKind.STOP, session=session.id):
                await retry_while_unavailable(partial(self.terminate, session.id, reason))
        for session in unfinished:
            await self.ended(session.id)

    async def discard(self, session_id: str) -> None:
        """End a session in any state, and delete its files."""
        for row in self.store.kernels.of(session_id):
            await self.engine.discard(row.id)
            self._forget(row)
        self.lifecycle.end(session_id, "force-terminated")
        self.wake()

    def _start(self, kind: TaskKind, row: KernelRow, work: Work) -> anyio.Event:
        """Start a task for a kernel."""
        item = Item("kernel", row.id)
        return self.supervisor.start(kind, work, session=row.session_id, item=item)

    def _start_launch(self, session_id: str) -> None:
        self.supervisor.start(
            TaskKind.LAUNCH, partial(self._launch, session_id), session=session_id
        )

    async def _launch(self, session_id: str) -> None:
        """Start the kernels of a scheduled or restarting session.

        If an earlier attempt has started some kernels, this starts the others.
        """
        scope = self._launches[session_id] = anyio.CancelScope()
        try:
            with scope:
                await self._start_session(self.store.sessions.get(session_id))
                return
        except StatusError as error:
            _log.info("the start has failed: %s", error)  # The session was ended meanwhile.
        except (EngineError, OSError):
            if not scope.cancel_called:
                raise
        finally:
            del self._launches[session_id]
        self.stop_kernels(session_id, forced=True)

    async def _start_session(self, session: Session) -> None:
        if session.status == "RESTARTING":
            await self._restart_kernels(session)
        else:
            if self.machine.is_bounded:
                self._prepared(session.id)
            await self._start_kernels(session)
            await retry_while_unavailable(partial(self._prepared, session.id))
        self.lifecycle.move(session.id, "RUNNING")
        self.follow_batch(session)

    def _prepared(self, session_id: str) -> None:
        """Record that the kernels of a session have left the engine's queue."""
        if self.store.sessions.get(session_id).status == "SCHEDULED":
            self.lifecycle.move(session_id, "PREPARING")

    async def _start_kernels(self, session: Session) -> None:
        rows = [row for row in self.store.kernels.of(session.id) if row.status not in DEAD]
        if session.type == "BATCH":
            rows.reverse()  # The main kernel runs the command, which needs the others to be ready.
        waiting = WaitingKernels(row.id for row in rows if row.id not in self.running)
        await self._side_by_side(
            [partial(self._start_kernel, session, row, waiting) for row in rows]
        )

    async def _side_by_side(self, starts: list[Callable[[], Awaitable[None]]]) -> None:
        """Start the kernels of a session.

        On this machine they start one by one, which is faster. If the engine has its own queue,
        they start concurrently: each may have to wait, or may start only together with the others.
        """
        if self.machine.is_bounded:
            for start in starts:
                await start()
        else:
            await run_concurrently(starts)

    async def _start_kernel(
        self, session: Session, row: KernelRow, waiting: WaitingKernels
    ) -> None:
        if row.id not in self.running:
            self._set_container(row)
            on_state = partial(self._record_waiting, session.id, waiting, row.id)
            self.attach(row, await self.engine.start(self.specs.of(session, row), on_state))

    def _record_waiting(
        self, session_id: str, waiting: WaitingKernels, kernel_id: str, state: State
    ) -> None:
        """Record what a session waits for in the engine's queue."""
        waiting.update(kernel_id, state)
        self.assignments.update(kernel_id, state)
        with suppress(StoreUnavailable):  # The next state will be stored.
            if waiting.is_empty:
                self._prepared(session_id)
            elif waiting.reason:
                self.lifecycle.explain(session_id, waiting.reason)

    async def _restart_kernels(self, session: Session) -> None:
        rows = self.store.kernels.of(session.id)
        for row in rows:
            # Without this entry, the task that watches the kernel does not end the session.
            kernel = self.running.pop(row.id, None) or await self._find(row)
            if not isinstance(kernel, ExitStatus):
                await kernel.stop()
        await self._side_by_side([partial(self._restart_kernel, session, row) for row in rows])

    async def _restart_kernel(self, session: Session, row: KernelRow) -> None:
        self._set_container(row)
        on_state = partial(self._record_waiting, session.id, WaitingKernels([row.id]), row.id)
        self.attach(row, await self.engine.restart(self.specs.of(session, row), on_state))

    def _set_container(self, row: KernelRow) -> None:
        # Clients recognize a completed restart by the new container id.
        self.store.kernels.set_container(row.id, uuid4().hex)

    def stop_kernels(self, session_id: str, *, forced: bool) -> None:
        """Start to stop all kernels of a session."""
        for row in self.store.kernels.of(session_id):
            if row.status not in DEAD:
                self.stop_kernel(row, forced=forced)

    def stop_kernel(self, row: KernelRow, *, forced: bool) -> anyio.Event:
        """Start to stop a kernel and clean up; the returned event is set when this is done."""
        return self._start(TaskKind.STOP, row, partial(self._stop_kernel, row, forced))

    async def _stop_kernel(self, row: KernelRow, forced: bool) -> None:
        # If the start was cancelled or has failed, only the engine knows whether the kernel exists.
        try:
            found = self.running.get(row.id) or await self._find(row)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # The rows of the session are damaged, but the kernel can still be ended.
            _log.error("kernel %s cannot be described", row.id, exc_info=error)
            await self.engine.discard(row.id)
            found = ExitStatus(137, "unknown")
        status = found if isinstance(found, ExitStatus) else await found.stop(forced=forced)
        if row.id not in self._watched:
            await self.record_end(row, status)

    async def _find(self, row: KernelRow) -> Kernel | ExitStatus:
        session = self.store.sessions.get(row.session_id)
        try:
            return await self.engine.adopt(self.specs.of(session, row))
        except EngineError as error:
            return ExitStatus(1, str(error))

    async def _watch(self, row: KernelRow, kernel: Kernel) -> None:
        self._watched.add(row.id)
        try:
            status = await kernel.wait(partial(self._note_state, row))
            if self.running.get(row.id) is kernel:
                await self.record_end(row, status)
        finally:
            self._watched.discard(row.id)

    def _note_state(self, row: KernelRow, state: State) -> None:
        """Store where a started kernel runs, or that its state is unknown."""
        self.assignments.update(row.id, state)
        with suppress(StoreUnavailable):
            info = why_waiting(state) if isinstance(state, Unknown) else ""
            self.lifecycle.note_unknown_state(row.session_id, info)

    async def record_end(self, row: KernelRow, status: ExitStatus) -> None:
        """Record the log and exit status of an ended kernel, and update its session.

        If this fails, it can be called again.
        """
        kernel = self.running.get(row.id)
        await self._keep_logs(row)
        if self.running.get(row.id) is not kernel:
            return  # The kernel was restarted meanwhile.
        now = self.store.kernels.get(row.id)
        if now is not None and now.status not in DEAD:
            self._write_end(now, status)
        await self.clean_up(row)
        self._forget(row)

    def _forget(self, row: KernelRow) -> None:
        self.metering.forget(row.id)
        self.assignments.forget(row.id)
        self.running.pop(row.id, None)

    def _write_end(self, row: KernelRow, status: ExitStatus) -> None:
        session = self._with_result(row.session_id, row, status)
        exit_code = status.exit_code
        if row.cluster_role == "main" and session.exit_code is not None:
            exit_code = session.exit_code  # That of the task, not of the kernel that ran it.
        reason = _asked_reason(session, status) or status.reason
        stat = self.metering.end(row.id, status)
        self.store.kernels.keep_figures(row.id, _status_data(row, status, exit_code), stat)
        self.lifecycle.end_kernel(row, reason, exit_code)

    def _with_result(self, session_id: str, row: KernelRow, status: ExitStatus) -> Session:
        """Return the session of an ended kernel, after recording the result of its task.

        If the task still has no result, it did not end normally: the exit status of the kernel
        gives the result.
        """
        session = self.store.sessions.get(session_id)
        is_task = session.startup_command is not None and session.type == "BATCH"
        if is_task and row.cluster_role == "main" and session.result == "UNDEFINED":
            code = status.exit_code or (0 if status.has_done_its_task else 128 + signal.SIGTERM)
            self.lifecycle.finish_batch(session_id, code)
            session = self.store.sessions.get(session_id)
        return session

    async def clean_up(self, row: KernelRow) -> None:
        """Clean up after an ended kernel, and update its session.

        If the program dies before this is done, the session is unfinished but its kernel is
        recorded as ended. From this, the next program knows that it must clean up again.
        """
        item = Item("kernel folder", row.id)
        with self.supervisor.isolate_failure(TaskKind.CLEAN_UP, item=item):
            await self.engine.remove(row.id)
            self.supervisor.put_aside.remove(item)
        self._move_on(row.session_id)
        self.wake()

    async def _keep_logs(self, row: KernelRow) -> None:
        with self.supervisor.isolate_failure(TaskKind.CLEAN_UP):
            await self.store.logs.keep(row.id, self.engine.logs(row.id))

    def _move_on(self, session_id: str) -> None:
        session = self.store.sessions.get(session_id)
        main, *subs = self.store.kernels.of(session_id)
        if main.exit_code is not None and session.status not in DEAD:
            self.store.sessions.update(
                session_id, exit_code=main.exit_code, status_data=main.status_data
            )
        if session.status in ENDED:
            return
        if all(kernel.status in DEAD for kernel in (main, *subs)):
            self.lifecycle.move(session_id, "TERMINATED", main.status_info)
        elif main.status in DEAD:
            self.terminate(session_id, main.status_info or "unknown")
        elif session.status == "RUNNING":
            self.lifecycle.move(session_id, "RUNNING_DEGRADED", "a sub kernel has ended")


def _asked_reason(session: Session, status: ExitStatus) -> str | None:
    """Return the reason that was given for ending a session.

    Returns None if no reason was given, or if the exit status of the kernel explains more: for
    example if the kernel was killed because it exceeded its memory or its time limit.
    """
    asked = session.status_info if session.status == "TERMINATING" else None
    if asked in {"task-done", "task-failed"} and status.reason not in _USUAL_ENDS:
        return None
    return None if status.took_too_much else asked


def _status_data(row: KernelRow, status: ExitStatus, exit_code: int) -> dict[str, object]:
    """Return the status data of an ended kernel."""
    data: dict[str, object] = {"kernel": {"exit_code": exit_code}}
    if status.reason == "out-of-memory":
        limit = recorded(row.occupied_slots).mem
        data["memory"] = {"limit": limit, "peak": status.memory_peak}
    return data
