"""Completing names of services."""

from collections.abc import Sequence

from atoll import Api, Candidate
from atoll_sessions.api import list_sessions

_MOST = 100


async def apps(api: Api) -> Sequence[Candidate]:
    """Return the names of the services of all sessions, with the sessions that offer them."""
    offered: dict[str, list[str]] = {}
    async for session in list_sessions(api, ["name", "service_ports"], limit=_MOST):
        for port in session.service_ports or ():
            offered.setdefault(str(port["name"]), []).append(session.name)
    return [Candidate(app, f"of {', '.join(names)}") for app, names in offered.items()]
