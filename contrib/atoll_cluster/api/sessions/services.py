"""Return the services of a session in the two forms of the API."""

from typing import Any

from atoll_cluster.cluster import Cluster
from atoll_cluster.engine.contract import Service
from atoll_cluster.store.records import Session

_URL = "{protocol}://{host}:{port}/"


def services_of(cluster: Cluster, session: Session) -> list[Service]:
    """Return the services of the main kernel; none if the session does not run."""
    if session.status not in {"RUNNING", "RUNNING_DEGRADED"}:
        return []
    kernel = cluster.scheduler.main_kernel(session)
    return list(kernel.services) if kernel else []


def service_ports(cluster: Cluster, session: Session) -> list[dict[str, Any]]:
    """Return the services in the form of `/stream/…/apps` and of the answer for a new session."""
    return [_described(service) for service in services_of(cluster, session)]


def raw_service_ports(cluster: Cluster, session: Session) -> list[dict[str, Any]]:
    """Return the services in the form of GraphQL and of the answer for a reused session."""
    return [
        {
            "name": service.name,
            "protocol": service.protocol,
            "container_ports": list(service.ports),
            "host_ports": list(service.ports),
            "is_inference": False,
        }
        for service in services_of(cluster, session)
    ]


def _described(service: Service) -> dict[str, Any]:
    optional = {
        "url_template": _URL if service.protocol == "http" else None,
        "allowed_arguments": list(service.allowed_arguments),
        "allowed_envs": list(service.allowed_envs),
        # An addition of this cluster, which other clients ignore.
        "host_key": service.host_key,
    }
    return {
        "name": service.name,
        "protocol": service.protocol,
        "ports": list(service.ports),
        **{key: value for key, value in optional.items() if value},
    }
