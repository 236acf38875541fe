"""A session as the API tells of it, and the columns in which it is shown."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from attrs import fields, frozen

from atoll import Column


@frozen(kw_only=True)
class Session:
    """A compute session; field names are those of GraphQL's `ComputeSession` (every release).

    Times are ISO 8601 text, slots maps of slot name to amount. A field that was not asked for is
    None.
    """

    id: str = ""
    name: str = ""
    access_key: str | None = None
    image: str | None = None
    type: str | None = None
    status: str = ""
    status_info: str | None = None
    status_changed: str | None = None
    status_data: Any = None
    result: str | None = None
    tag: str | None = None
    created_at: str | None = None
    terminated_at: str | None = None
    starts_at: str | None = None
    startup_command: str | None = None
    domain_name: str | None = None
    group_name: str | None = None
    scaling_group: str | None = None
    cluster_mode: str | None = None
    cluster_size: int | None = None
    main_kernel_id: str | None = None
    occupying_slots: Mapping[str, str] | None = None
    service_ports: Sequence[Mapping[str, Any]] | None = None
    mounts: Sequence[str] | None = None

    @classmethod
    def from_node(cls, node: Mapping[str, Any]) -> Self:
        """Take the fields known here from a GraphQL node, decoding JSON strings."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: _decode(key, value) for key, value in node.items() if key in known})

    @property
    def alive(self) -> bool:
        """Whether it has not ended. Statuses are an open set: those not known to end a session
        don't.
        """
        return self.status not in DEAD


DEAD = ("TERMINATED", "CANCELLED")
_JSON = {"status_data", "occupying_slots", "service_ports"}


def _decode(key: str, value: Any) -> Any:
    return json.loads(value) if key in _JSON and isinstance(value, str) and value else value


def local_time(text: str | None) -> str:
    """Show an ISO time in the reader's zone, to the second."""
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def show_slots(slots: Mapping[str, str] | None) -> str:
    """Show resource slots in words, memory in binary units: `cpu 1, mem 512 MiB`."""
    return ", ".join(
        f"{name} {_binary(amount) if name == 'mem' else amount}"
        for name, amount in sorted((slots or {}).items())
        if str(amount) not in ("0", "")
    )


def _binary(amount: Any) -> str:
    size = float(amount)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"


def _show_ports(ports: Sequence[Mapping[str, Any]] | None) -> str:
    return ", ".join(f"{port.get('name')} ({port.get('protocol')})" for port in ports or ())


def _show_json(value: Any) -> str:
    return json.dumps(value) if value else ""


COLUMNS = [
    Column("id", "Session ID", keep=True),
    Column("name", keep=True),
    Column("access_key", "Owner"),
    Column("image"),
    Column("type"),
    Column("status"),
    Column("status_info", "Status Info"),
    Column("status_changed", "Last updated", local_time),
    Column("result"),
    Column("tag"),
    Column("created_at", "Created At", local_time),
    Column("terminated_at", "Terminated At", local_time),
    Column("starts_at", "Starts At", local_time),
    Column("startup_command"),
    Column("domain_name", "Domain"),
    Column("group_name", "Group"),
    Column("scaling_group"),
    Column("cluster_mode"),
    Column("cluster_size", right=True),
    Column("main_kernel_id", "Main kernel"),
    Column("occupying_slots", "Occupied Resource", show_slots),
    Column("service_ports", "Services", _show_ports),
    Column("mounts", show=lambda mounts: ", ".join(mounts or ())),
    Column("status_data", "Status Data", _show_json),
]
