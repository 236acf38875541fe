"""List this user's jobs by one call of squeue."""

import re
from collections.abc import Iterable
from datetime import datetime

from attrs import frozen

from atoll_cluster.engines import Ended, Running, State, Unknown, Waiting
from atoll_slurm.options import kernel_of
from atoll_slurm.programs import NoAnswer, Ran, is_unreached, run

# The name comes last, because it may contain the separator.
_FORMAT = "%i|%T|%B|%N|%V|%e|%r|%j"
_FIELDS = 8
_NONE = {"", "(null)", "N/A", "n/a", "None", "Unknown"}

CANCELLED, REQUEUED, TIME_LIMIT = "cancelled", "requeued", "time-limit"

WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
RUNNING = {
    "RUNNING",
    "CONFIGURING",
    "COMPLETING",
    "STAGE_OUT",
    "SIGNALING",
    "RESIZING",
    "SUSPENDED",
    "STOPPED",
}
ENDED = {
    "COMPLETED": None,
    "FAILED": None,
    "CANCELLED": CANCELLED,
    "TIMEOUT": TIME_LIMIT,
    "DEADLINE": TIME_LIMIT,
    "PREEMPTED": "preempted",
    "NODE_FAIL": "node-failure",
    "BOOT_FAIL": "node-failure",
    "OUT_OF_MEMORY": "out-of-memory",
    "REVOKED": "revoked",
}
"""Reasons for the states in which no process of the job runs any more.

None means that the record in the kernel's folder tells the reason."""


@frozen
class Listed:
    """One job, as squeue lists it.

    `ends` is the time at which the job reaches its time limit. `nodes` are all nodes of the job.
    If `is_leaving`, the job is ending, and squeue will soon tell the reason.
    """

    job_id: str
    kernel_id: str
    state: State
    ends: datetime | None = None
    nodes: str = ""
    is_leaving: bool = False


async def jobs() -> list[Listed]:
    """List this user's jobs, also those that have ended recently; raises NoAnswer."""
    argv = ["squeue", "--me", "--noheader", "--array", "--states=all", f"--format={_FORMAT}"]
    ran = await run(argv)
    if ran.code and lacks_option_me(ran):
        argv[1] = f"--user={user()}"
        ran = await run(argv)
    if ran.code:
        raise NoAnswer(ran.words)
    return list(parse(ran.out.splitlines()))


def lacks_option_me(ran: Ran) -> bool:
    """Return whether squeue failed because it is too old for the option --me."""
    return not is_unreached(ran) and "--me" in ran.err


def user() -> str:
    """Return the name of this user."""
    import getpass

    return getpass.getuser()


def parse(lines: Iterable[str]) -> Iterable[Listed]:
    """Read squeue's lines; ignore all other lines, such as a site's banner."""
    for line in lines:
        parts = line.split("|", _FIELDS - 1)
        if len(parts) == _FIELDS and re.match(r"\d", parts[0]):
            job_id, state, node, nodes, _submitted, ends, reason, name = map(str.strip, parts)
            kernel_state = state_of(state, node, reason)
            leaving = state.startswith("COMPLETING")
            # Of a job that is leaving, squeue shows when it ended, not its time limit.
            limit = None if leaving else time_of(ends)
            yield Listed(job_id, kernel_of(name), kernel_state, limit, nodes, leaving)


def state_of(state: str, node: str, reason: str) -> State:
    """Translate a state of Slurm; an unknown state, of a newer release, becomes `Unknown`."""
    name = state.partition(" ")[0].upper()
    if name in WAITING:
        return Waiting(reason if reason not in _NONE else "")
    if name in RUNNING:
        return Running(node if node not in _NONE else "")
    if name in ENDED:
        dependency_failed = name == "CANCELLED" and reason.startswith("Dependency")
        return Ended("dependency-failed" if dependency_failed else ENDED[name])
    return Unknown(f"Slurm reports the state {state}")


def time_of(text: str) -> datetime | None:
    """Read a time that squeue prints; None if the text is not a time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
