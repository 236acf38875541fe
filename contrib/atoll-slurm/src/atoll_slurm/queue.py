"""What squeue tells of our jobs, all by one question."""

import re
from collections.abc import Iterable
from datetime import datetime

from attrs import frozen

from atoll_cluster.engines import Ended, Running, State, Unknown, Waiting
from atoll_slurm.options import kernel_of
from atoll_slurm.programs import NoAnswer, Ran, is_unreached, run

# The name comes last, since it may hold what separates the others.
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
"""The reasons of those states in which nothing runs any more; None where the job's own file tells
more."""


@frozen
class Listed:
    """One job, as squeue lists it; `ends` is when its time is up, `nodes` are all of them. One that
    `is_leaving` tells its reason soon.
    """

    job_id: str
    kernel_id: str
    state: State
    ends: datetime | None = None
    nodes: str = ""
    is_leaving: bool = False


async def jobs() -> list[Listed]:
    """List our jobs, those that have ended lately among them; raises NoAnswer."""
    argv = ["squeue", "--me", "--noheader", "--array", "--states=all", f"--format={_FORMAT}"]
    ran = await run(argv)
    if ran.code and is_before_me(ran):
        argv[1] = f"--user={user()}"
        ran = await run(argv)
    if ran.code:
        raise NoAnswer(ran.words)
    return list(parse(ran.out.splitlines()))


def is_before_me(ran: Ran) -> bool:
    """Tell whether squeue is older than its option --me."""
    return not is_unreached(ran) and "--me" in ran.err


def user() -> str:
    """Return our own name."""
    import getpass

    return getpass.getuser()


def parse(lines: Iterable[str]) -> Iterable[Listed]:
    """Read squeue's lines; what is none of them, a site's banner for one, is left out."""
    for line in lines:
        parts = line.split("|", _FIELDS - 1)
        if len(parts) == _FIELDS and re.match(r"\d", parts[0]):
            job_id, state, node, nodes, _submitted, ends, reason, name = map(str.strip, parts)
            told = state_of(state, node, reason)
            leaving = state.startswith("COMPLETING")
            yield Listed(job_id, kernel_of(name), told, time_of(ends), nodes, leaving)


def state_of(state: str, node: str, reason: str) -> State:
    """Translate a state; one of a release that nobody here knows is told as such."""
    name = state.partition(" ")[0].upper()
    if name in WAITING:
        return Waiting(reason if reason not in _NONE else "")
    if name in RUNNING:
        return Running(node if node not in _NONE else "")
    if name in ENDED:
        is_hopeless = name == "CANCELLED" and reason.startswith("Dependency")
        return Ended("dependency-failed" if is_hopeless else ENDED[name])
    return Unknown(f"Slurm calls it {state}")


def time_of(text: str) -> datetime | None:
    """Read a time of squeue's; None where there is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
