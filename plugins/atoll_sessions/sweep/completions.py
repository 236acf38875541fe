"""Names of sweeps for the prompt to complete."""

from collections.abc import Sequence

from atoll import Api, AtollError, Candidate, Paths
from atoll_sessions.sweep.store import Sweep, Sweeps


async def sweeps(api: Api) -> Sequence[Candidate]:  # noqa: ARG001  # sweeps are kept on this machine
    """Return the ids of sweeps, the newest first, with what they run."""
    return [
        Candidate(sweep.id, _line(sweep)) for sweep in Sweeps.of(Paths.from_environment()).all()
    ]


def _line(sweep: Sweep) -> str:
    try:
        return sweep.plan.line
    except AtollError:
        return ""
