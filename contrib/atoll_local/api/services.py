"""The services of a session that can be tunnelled to, in the two shapes the API has for them."""

from typing import Any

from atoll_local.store.records import Session


def service_ports(session: Session) -> list[dict[str, Any]]:
    """Return them as create answers and `/stream/…/apps` do; none unless the session runs."""
    if session.status != "RUNNING":
        return []
    return [
        {"name": str(port), "protocol": "preopen", "ports": [port]}
        for port in session.preopen_ports
    ]


def raw_service_ports(session: Session) -> list[dict[str, Any]]:
    """Return them as reuse answers and GraphQL's `service_ports` have them."""
    return [
        {
            "name": service["name"],
            "protocol": service["protocol"],
            "container_ports": service["ports"],
            "host_ports": service["ports"],
            "is_inference": False,
        }
        for service in service_ports(session)
    ]
