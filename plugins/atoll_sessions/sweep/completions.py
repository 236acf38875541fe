"""Completes ids of sweeps at the prompt."""

from collections.abc import Sequence

from atoll import Api, AtollError, Candidate, Paths
from atoll_sessions.sweep.store import Sweep, Sweeps


async def sweeps(api: Api) -> Sequence[Candidate]:  # noqa: ARG001  # sweeps are kept on this machine
    """Return the ids of sweeps, the newest first, each with the line that the sweep runs."""
    return [
        Candidate(sweep.id, _line(sweep)) for sweep in Sweeps.of(Paths.from_environment()).all()
    ]


def _line(sweep: Sweep) -> str:
    try:
        return sweep.plan.line
    except AtollError:
        return ""
