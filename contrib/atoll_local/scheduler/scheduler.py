"""The scheduler: starts what the queue lets through, watches what runs, ends what shall end.

Every kernel that runs has one task here that waits for its end, whoever brings that about. Stopping
a session therefore is only asking its kernels to stop; the watching tasks write down what became of
them.
"""

import logging
import signal
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup, TaskStatus

from atoll_local import clock
from atoll_local.engine.contract import Engine, EngineError, ExitStatus, Kernel
from atoll_local.scheduler.batch import run_startup_command
from atoll_local.scheduler.bus import Bus
from atoll_local.scheduler.callbacks import Callbacks
from atoll_local.scheduler.idleness import Idleness
from atoll_local.scheduler.lifecycle import Lifecycle, StatusError
from atoll_local.scheduler.machine import Machine
from atoll_local.scheduler.metering import Metering
from atoll_local.scheduler.queue import Queue
from atoll_local.scheduler.slots import from_text
from atoll_local.scheduler.specs import Specs
from atoll_local.store.records import DEAD, ENDED, KernelRow, Session
from atoll_local.store.store import Store

_log = logging.getLogger(__name__)

_KEPT_LOG = 1024 * 1024
"""Characters of a log that are kept of an ended kernel: the last ones."""


class Scheduler:
    """Owns the kernels that run."""

    def __init__(self, store: Store, engine: Engine, machine: Machine, bus: Bus) -> None:
        self.store = store
        self.engine = engine
        self.machine = machine
        self.bus = bus
        self.lifecycle = Lifecycle(store, bus)
        self.queue = Queue(machine, self.lifecycle)
        self.specs = Specs(engine, machine, store.kernels, store.dotfiles, store.accounts)
        self.metering = Metering(engine)
        self.idleness = Idleness(self)
        self.running: dict[str, Kernel] = {}
        """Kernels by kernel id, from their start until they are buried."""
        self._launches: dict[str, anyio.CancelScope] = {}
        self._wake = anyio.Event()
        self._tasks: TaskGroup

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve the queue until cancelled; sessions outlive this."""
        async with anyio.create_task_group() as self._tasks:
            task_status.started()
            self._tasks.start_soon(self.metering.run)
            self._tasks.start_soon(Callbacks(self.store.sessions, self.bus).run)
            await self._wake.wait()
            self._tasks.start_soon(self.idleness.run)
            while True:
                self._wake = anyio.Event()
                for session in self.queue.schedule():
                    self._tasks.start_soon(self._launch, session)
                with anyio.move_on_after(self.queue.next_start()):
                    await self._wake.wait()

    def wake(self) -> None:
        """Look at the queue again: something arrived or slots became free."""
        self._wake.set()

    def submit(self, session: Session, kernels: list[KernelRow]) -> None:
        """Put a session in the queue."""
        self.lifecycle.enqueue(session, kernels)
        self.wake()

    def main_kernel(self, session: Session) -> Kernel | None:
        """Return the main kernel of a session while it runs."""
        return self.running.get(self.store.kernels.main(session.id).id)

    def attach(self, session: Session, row: KernelRow, kernel: Kernel) -> None:
        """Take a started kernel into care, once."""
        if row.id in self.running:
            return
        self.running[row.id] = kernel
        self.metering.add(kernel.spec, clock.age(row.status_changed))
        self._tasks.start_soon(self._watch, session.id, row, kernel)

    def follow_batch(self, session: Session) -> None:
        """See a batch session's startup command through to its end."""
        kernel = self.main_kernel(session)
        if session.type == "BATCH" and session.startup_command and kernel:
            self._tasks.start_soon(run_startup_command, self, session, kernel)

    def terminate(self, session_id: str, reason: str, *, forced: bool = False) -> None:
        """Begin to end a session; its status tells when it has ended."""
        session = self.store.sessions.get(session_id)
        if session.status in DEAD:
            return
        if session.status == "PENDING":
            self.lifecycle.move(session_id, "CANCELLED", reason)
            self.wake()
            return
        if session.status == "ERROR":
            self.lifecycle.move(session_id, "TERMINATED", reason)
            return
        if session.status != "TERMINATING":
            self.lifecycle.move(session_id, "TERMINATING", reason)
        self.store.db.afterwards(lambda: self._stop(session_id, forced=forced))

    def _stop(self, session_id: str, *, forced: bool) -> None:
        if launch := self._launches.get(session_id):
            launch.cancel()
        else:
            self.stop_kernels(session_id, forced=forced)

    def restart(self, session_id: str) -> None:
        """Begin to start the kernels of a running session anew, in their old homes.

        Raises StatusError for a session that does not run.
        """
        self.lifecycle.move(session_id, "RESTARTING", "restarting")
        self.go_on_restarting(self.store.sessions.get(session_id))

    def go_on_restarting(self, session: Session) -> None:
        """Restart the kernels of a session whose status tells already that this is under way."""
        self._tasks.start_soon(self._launch, session)

    async def ended(self, session_id: str) -> Session:
        """Wait until a session is dead."""
        while True:
            change = self.bus.change()
            session = self.store.sessions.get(session_id)
            if session.status in DEAD:
                return session
            await change.wait()

    async def end_all(self, reason: str) -> None:
        """End every session, and wait for it."""
        unfinished = self.store.sessions.unfinished()
        for session in unfinished:
            self.terminate(session.id, reason)
        for session in unfinished:
            await self.ended(session.id)

    async def _launch(self, session: Session) -> None:
        """Start the kernels of a scheduled session, or those of a restarting one again."""
        try:
            with anyio.CancelScope() as scope:
                self._launches[session.id] = scope
                if session.status == "RESTARTING":
                    await self._restart_kernels(session)
                else:
                    self.lifecycle.move(session.id, "PREPARING")
                    await self._start_kernels(session)
                self.lifecycle.move(session.id, "RUNNING")
                self.follow_batch(session)
        except StatusError:
            return  # It was ended between being scheduled and now.
        except (EngineError, OSError) as error:
            if not scope.cancel_called:
                self._give_up(session, str(error))
        finally:
            del self._launches[session.id]
        if scope.cancel_called:
            self.stop_kernels(session.id, forced=True)

    async def _start_kernels(self, session: Session) -> None:
        for row in self.store.kernels.of(session.id):
            kernel = await self.engine.start(self.specs.of(session, row))
            self._take_in(session, row, kernel)

    async def _restart_kernels(self, session: Session) -> None:
        rows = self.store.kernels.of(session.id)
        for row in rows:
            # Whoever watches it sees by this that its end is not the end of the session.
            kernel = self.running.pop(row.id, None) or await self._find(session.id, row)
            if not isinstance(kernel, ExitStatus):
                await kernel.stop()
        for row in rows:
            kernel = await self.engine.restart(self.specs.of(session, row))
            self._take_in(session, row, kernel)

    def _take_in(self, session: Session, row: KernelRow, kernel: Kernel) -> None:
        # By the id of its container a client tells that a restart was done.
        self.store.kernels.contain(row.id, uuid4().hex)
        self.attach(session, row, kernel)

    def _give_up(self, session: Session, why: str) -> None:
        _log.warning("session %s could not be started: %s", session.name, why)
        self.lifecycle.move(session.id, "ERROR", why)
        self.stop_kernels(session.id, forced=True)
        self.wake()

    def stop_kernels(self, session_id: str, *, forced: bool) -> None:
        """Begin to stop whatever still runs of a session."""
        for row in self.store.kernels.of(session_id):
            if row.status not in DEAD:
                self._tasks.start_soon(self._stop_kernel, session_id, row, forced)

    async def _stop_kernel(self, session_id: str, row: KernelRow, forced: bool) -> None:
        kernel = self.running.get(row.id)
        if kernel is None:
            # Its start was cancelled or failed half way: only the engine knows what is there.
            found = await self._find(session_id, row)
            if isinstance(found, ExitStatus):
                await self.bury(session_id, row, found)
                return
            kernel = found
            self.attach(self.store.sessions.get(session_id), row, kernel)
        try:
            await kernel.stop(forced=forced)
        except EngineError as error:
            _log.warning("kernel %s does not stop: %s", row.id, error)

    async def _find(self, session_id: str, row: KernelRow) -> Kernel | ExitStatus:
        session = self.store.sessions.get(session_id)
        try:
            return await self.engine.adopt(self.specs.of(session, row))
        except EngineError as error:
            return ExitStatus(1, str(error))

    async def _watch(self, session_id: str, row: KernelRow, kernel: Kernel) -> None:
        try:
            status = await kernel.wait()
        except EngineError as error:
            status = ExitStatus(1, str(error))
        if self.running.get(row.id) is kernel:
            await self.bury(session_id, row, status)

    async def bury(self, session_id: str, row: KernelRow, status: ExitStatus) -> None:
        """Write down what is left of an ended kernel, then let its session go on without it."""
        await self._keep_logs(row)
        stat = self.metering.end(row.id, status)
        self.running.pop(row.id, None)
        session = self._with_result(session_id, row, status)
        exit_code = status.exit_code
        if row.cluster_role == "main" and session.exit_code is not None:
            exit_code = session.exit_code  # What the task ended with, not the kernel around it.
        self.store.kernels.keep_figures(row.id, _status_data(row, status, exit_code), stat)
        # Of a task that was killed for its memory, the end may be told before the reason is.
        is_asked = session.status == "TERMINATING" and status.reason != "out-of-memory"
        reason = (session.status_info if is_asked else None) or status.reason
        self.lifecycle.bury(row, reason, exit_code)
        await self.settle(session_id, row)

    def _with_result(self, session_id: str, row: KernelRow, status: ExitStatus) -> Session:
        """Return the session of an ended kernel; with that, a task in it has failed at the latest.

        A task that has ended by itself has a result by now.
        """
        session = self.store.sessions.get(session_id)
        is_task = session.startup_command is not None and session.type == "BATCH"
        if is_task and row.cluster_role == "main" and session.result == "UNDEFINED":
            self.lifecycle.finish_batch(session_id, status.exit_code or 128 + signal.SIGTERM)
            session = self.store.sessions.get(session_id)
        return session

    async def settle(self, session_id: str, row: KernelRow) -> None:
        """Clean up after a buried kernel and move its session on.

        A program that dies on the way leaves the session unfinished with a buried kernel, by which
        the next one knows that this has to be done again.
        """
        try:
            await self.engine.remove(row.id)
        except (EngineError, OSError) as error:
            _log.warning("the folder of kernel %s stays: %s", row.id, error)
        self._move_on(session_id)
        self.wake()

    async def _keep_logs(self, row: KernelRow) -> None:
        try:
            logs = await self.engine.logs(row.id)
            self.store.kernels.keep_logs(row.id, logs[-_KEPT_LOG:])
        except (EngineError, OSError) as error:
            _log.warning("no log of kernel %s: %s", row.id, error)

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


def _status_data(row: KernelRow, status: ExitStatus, exit_code: int) -> dict[str, object]:
    """Return what there is to know of an ended kernel besides its reason."""
    data: dict[str, object] = {"kernel": {"exit_code": exit_code}}
    if status.reason == "out-of-memory":
        limit = from_text(dict(row.occupied_slots)).mem
        data["memory"] = {"limit": limit, "peak": status.memory_peak}
    return data
