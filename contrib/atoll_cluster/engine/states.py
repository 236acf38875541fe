"""The states of kernels, which launchers report to the cluster."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen


@frozen(kw_only=True)
class Terms:
    """Properties of a session that a scheduler may need.

    `slots` are the amounts for this kernel alone, by slot name (`cpu`, `mem` in bytes, devices like
    `cuda.device`). `cluster_size` is the number of kernels in the session; they run on one
    machine unless `cluster_mode` is `multi-node`. `starts_at` is a time in ISO 8601; None means
    at once. `after` are the ids of kernels whose tasks must succeed before this kernel starts; it
    is empty if the cluster itself has the queue. `tag` is the text that the client has given to
    the session; all sessions of a sweep have the same tag, `sweep:` and an id. The `options` may
    contain `time_limit`, the seconds that the session may run, and `agents`, the names of the
    machines that the user has asked for.
    """

    slots: Mapping[str, Decimal] = field(factory=dict)
    scaling_group: str = "default"
    group: str = "default"
    access_key: str = ""
    priority: int = 10
    session_type: str = "INTERACTIVE"
    cluster_size: int = 1
    cluster_mode: str = "single-node"
    starts_at: str | None = None
    after: Sequence[str] = ()
    tag: str = ""
    options: Mapping[str, object] = field(factory=dict)


@frozen
class Task:
    """The shell command that a kernel runs without a client, as a run with the id `run_id`.

    When the command ends, the kernel ends, too, with the same exit code.
    """

    run_id: str
    command: str


@frozen
class Waiting:
    """The kernel waits in a queue; `reason` is the scheduler's text, like `Resources`.

    `engine_id` is the place's own id of the kernel, for example the id of a job.
    """

    reason: str = ""
    engine_id: str = ""


@frozen
class Running:
    """The kernel's supervisor runs or is starting; `node` is the name of the machine.

    `engine_id` is the place's own id of the kernel, for example the id of a job. `ends_at` is the
    time, with its zone, at which the place will end the kernel; None if there is no such time or it
    is unknown.
    """

    node: str = ""
    engine_id: str = ""
    ends_at: datetime | None = None


@frozen
class Ended:
    """No process of the kernel runs any more, or the kernel never started.

    The cluster uses the record that the kernel's supervisor has written of the end. `reason` is a
    reason that only the place knows (`time-limit`, `preempted`, `node-failure`); it replaces the
    reason in the record. `exit_code` is used only if the supervisor has not written a record.
    """

    reason: str | None = None
    exit_code: int | None = None


@frozen
class Unknown:
    """The state cannot be queried at present; the kernel may run or may have ended."""

    why: str = ""


State = Waiting | Running | Ended | Unknown
UNKNOWN = "its state is unknown"
"""The text for users about a kernel whose state cannot be queried; the reason may follow."""


def why_waiting(state: State) -> str:
    """Return what a kernel waits for, or that its state is unknown; empty if it does not wait."""
    if isinstance(state, Unknown):
        return f"{UNKNOWN}: {state.why}" if state.why else UNKNOWN
    return state.reason if isinstance(state, Waiting) else ""
