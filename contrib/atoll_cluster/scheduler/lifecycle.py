"""The statuses of a session and their order; each new status is stored, then published."""

from attrs import frozen

from atoll_cluster.engine.states import UNKNOWN
from atoll_cluster.scheduler.bus import Bus, SessionEvent
from atoll_cluster.store.records import DEAD, ENDED, KernelRow, Session
from atoll_cluster.store.store import Store

FOLLOWERS: dict[str, frozenset[str]] = {
    # Sessions go back to PENDING if an earlier program died before it started them.
    "PENDING": frozenset({"SCHEDULED", "ERROR", "CANCELLED"}),
    "SCHEDULED": frozenset({"PREPARING", "PENDING", "TERMINATING", "ERROR"}),
    "PREPARING": frozenset({"RUNNING", "PENDING", "TERMINATING", "TERMINATED", "ERROR"}),
    "RUNNING": frozenset({"RESTARTING", "RUNNING_DEGRADED", "TERMINATING", "TERMINATED", "ERROR"}),
    "RESTARTING": frozenset({"RUNNING", "TERMINATING", "TERMINATED", "ERROR"}),
    "RUNNING_DEGRADED": frozenset({"RUNNING", "TERMINATING", "TERMINATED", "ERROR"}),
    "TERMINATING": frozenset({"TERMINATED", "ERROR"}),
    "ERROR": frozenset({"TERMINATED"}),
    "TERMINATED": frozenset(),
    "CANCELLED": frozenset(),
}

_NAMES = {"RUNNING": "started"}
_KERNEL_NAMES = _NAMES | {"PREPARING": "preparing"}
_SILENT_FOR_KERNELS = {"PENDING", "SCHEDULED", "RESTARTING", "RUNNING_DEGRADED", "ERROR"}


class StatusError(Exception):
    """The status of the session does not allow the operation; the text contains the status."""


@frozen
class Lifecycle:
    """Moves sessions from status to status."""

    store: Store
    bus: Bus

    def enqueue(self, session: Session, kernels: list[KernelRow]) -> None:
        """Add a new session to the queue."""
        self.store.sessions.add(session, kernels)
        self.bus.publish(SessionEvent(name="session_enqueued", session_id=session.id))

    def move(self, session_id: str, status: str, info: str | None = None) -> None:
        """Store and publish the new status of a session and of its running kernels.

        Raises StatusError if the present status does not allow the new one.
        """
        session = self.store.sessions.get(session_id)
        if status not in FOLLOWERS.get(session.status, frozenset()):
            why = f": {session.status_info}" if session.status in ENDED else ""
            raise StatusError(f"session {session.name} is {session.status}{why}")
        self._write(session, status, info)

    def fail(self, session_id: str, info: str) -> bool:
        """Set a session to ERROR, unless it has ended; returns whether this changed the status.

        This works from any status, because the status in the row may be damaged too.
        """
        session = self.store.sessions.get(session_id)
        if session.status in ENDED:
            return False
        self._write(session, "ERROR", info)
        return True

    def end(self, session_id: str, info: str) -> None:
        """Set a session to TERMINATED, unless it has ended."""
        session = self.store.sessions.get(session_id)
        if session.status not in DEAD:
            self._write(session, "TERMINATED", info)

    def _write(self, session: Session, status: str, info: str | None) -> None:
        with self.store.db.transaction():
            self.store.sessions.set_status(session.id, status, info)
            living = [k for k in self.store.kernels.of(session.id) if k.status not in DEAD]
            for kernel in living:
                self.store.kernels.set_status(kernel.id, status, info)
        self._announce(session, status, info, living)

    def end_kernel(self, kernel: KernelRow, info: str, exit_code: int | None) -> None:
        """Record that a kernel has ended, and publish the event."""
        self.store.kernels.set_status(kernel.id, "TERMINATED", info, exit_code)
        self.bus.publish(_kernel_event(kernel, "terminated", info, exit_code))

    def explain(self, session_id: str, info: str) -> None:
        """Store why a session waits, unless it is stored already."""
        if self.store.sessions.get(session_id).status_info != info:
            self.store.sessions.update(session_id, status_info=info)

    def note_unknown_state(self, session_id: str, info: str) -> None:
        """Store that the state of a running session is unknown, or known again if `info` is empty.

        Another status info of the session is not replaced.
        """
        session = self.store.sessions.get(session_id)
        stored = session.status_info or ""
        is_free = not stored or stored.startswith(UNKNOWN)
        if session.status == "RUNNING" and is_free and stored != info:
            self.store.sessions.update(session_id, status_info=info or None)

    def finish_batch(self, session_id: str, exit_code: int) -> None:
        """Store and publish the result of a batch session's startup command; then end it."""
        result = "SUCCESS" if exit_code == 0 else "FAILURE"
        data = {"kernel": {"exit_code": exit_code}}
        status = self.store.sessions.get(session_id).status
        was_asked = status == "TERMINATING"
        self.store.sessions.update(session_id, result=result, exit_code=exit_code, status_data=data)
        failed = "task-cancelled" if was_asked else "task-failed"
        event = SessionEvent(
            name=f"session_{result.lower()}",
            session_id=session_id,
            reason=failed if exit_code else "task-done",
            exit_code=exit_code,
        )
        self.bus.publish(event)
        if not was_asked and "TERMINATING" in FOLLOWERS.get(status, frozenset()):
            self.move(session_id, "TERMINATING", "task-failed" if exit_code else "task-done")

    def _announce(
        self, session: Session, status: str, info: str | None, kernels: list[KernelRow]
    ) -> None:
        name = _NAMES.get(status, status.lower())
        about_kernels = []
        if status not in _SILENT_FOR_KERNELS:
            about_kernels = [
                _kernel_event(kernel, _KERNEL_NAMES.get(status, name), info, kernel.exit_code)
                for kernel in kernels
            ]
        session_event = SessionEvent(
            name=f"session_{name}",
            session_id=session.id,
            reason=info or "",
            exit_code=session.exit_code,
        )
        self.store.db.afterwards(lambda: self.bus.publish(*about_kernels, session_event))


def _kernel_event(
    kernel: KernelRow, verb: str, info: str | None, exit_code: int | None
) -> SessionEvent:
    return SessionEvent(
        name=f"kernel_{verb}",
        session_id=kernel.session_id,
        reason=info or "",
        exit_code=exit_code,
        kernel={
            "kernelId": kernel.id,
            "clusterRole": kernel.cluster_role,
            "clusterIdx": kernel.cluster_idx,
        },
    )
