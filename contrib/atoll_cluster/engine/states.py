"""The states of kernels, between launchers and the cluster."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen


@frozen(kw_only=True)
class Terms:
    """Properties of a session that a scheduler may need.

    `slots` are amounts by names (`cpu`, `mem` in bytes, devices like `cuda.device`), of this kernel
    alone. `cluster_size` is how many kernels the session has, which are on one machine unless
    `cluster_mode` is `multi-node`. `starts_at` is a time in ISO 8601, None for at once. `after` are
    kernels with tasks that must succeed before this one starts; there are none where the cluster
    has the queue. Among the `options` are `time_limit`, the seconds that the session may run, and
    `agents`, the names of the machines that were asked for, if they were given.
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
    options: Mapping[str, object] = field(factory=dict)


@frozen
class Task:
    """What a kernel is there for: a shell text that it runs by itself, as a run with that id.

    The kernel ends with it, and with its exit code.
    """

    run_id: str
    command: str


@frozen
class Waiting:
    """The kernel waits in a queue; `reason` is the scheduler's text, like `Resources`.

    `engine_id` is what the place calls the kernel, for example the id of a job.
    """

    reason: str = ""
    engine_id: str = ""


@frozen
class Running:
    """The kernel's supervisor runs or is starting; `node` is the name of the machine.

    `engine_id` is what the place calls the kernel, for example the id of a job. `ends_at` is when
    the place will end it, a time with its zone; None if it does not, or nobody knows.
    """

    node: str = ""
    engine_id: str = ""
    ends_at: datetime | None = None


@frozen
class Ended:
    """Nothing of the kernel runs any more, or it never started.

    What its supervisor has written of the end counts. `reason` is what the place alone knows
    (`time-limit`, `preempted`, `node-failure`) and goes before it; `exit_code` is for a kernel
    whose supervisor had no time to write.
    """

    reason: str | None = None
    exit_code: int | None = None


@frozen
class Unknown:
    """The state cannot be queried at present; nothing follows from that."""

    why: str = ""


State = Waiting | Running | Ended | Unknown
UNKNOWN = "its state is unknown"
"""What users read of a kernel whose state cannot be queried; the reason may follow."""


def why_waiting(state: State) -> str:
    """Return what a kernel waits for, empty if it does not wait or this is unknown."""
    if isinstance(state, Unknown):
        return f"{UNKNOWN}: {state.why}" if state.why else UNKNOWN
    return state.reason if isinstance(state, Waiting) else ""
