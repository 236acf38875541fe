"""The fields of sessions, to show and to request (`ps -f`, `info`)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from atoll import Origin
from atoll.output import Column, age, binary_size, local_time, show_slots
from atoll_sessions.model import figure_of

DEFAULT = "id,name,access_key,image,type,status,status_info,last_updated,result"
PEER_DEFAULT = f"{DEFAULT},group_name,task_id"
DETAIL = f"{DEFAULT},tag,created_at,occupied_slots,used_memory,max_used_memory,cpu_using"
_STATS = "containers { live_stat last_stat }"
_CONTAINERS = (
    "containers { id cluster_hostname status status_info agent container_id live_stat last_stat }"
)
_USE, _MEMORY = ("cpu_util", "pct"), ("mem", "current")
_HOST_NAMES = "containers { cluster_hostname cluster_role }"


@frozen
class Field:
    """A column, and the GraphQL fields that it needs.

    Fields that are not `usual` are shown only when they are named. `origin` is the plugin that adds
    the field, None for those of this module.
    """

    column: Column
    selection: str
    usual: bool = True
    origin: Origin | None = None


def selection(columns: Iterable[Column], fields: Sequence[Field] | None = None) -> Sequence[str]:
    """Return the GraphQL selections that fill these columns, each once."""
    needed = {field.column.name: field.selection for field in fields or FIELDS}
    return list(dict.fromkeys(needed[column.name] for column in columns))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _ports(ports: Sequence[Mapping[str, Any]] | None) -> str:
    return ", ".join(f"{port.get('name')} ({port.get('protocol')})" for port in ports or ())


def _json(value: Any) -> str:
    return json.dumps(value) if value else ""


def _list(texts: Sequence[str] | None) -> str:
    return ", ".join(texts or ())


def _names(things: Sequence[Mapping[str, Any]] | None) -> str:
    return ", ".join(str(thing.get("name")) for thing in things or ())


def _pairs(pairs: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name}={value}" for name, value in (pairs or {}).items())


def show_idle_checks(checks: Mapping[str, Any] | None) -> str:
    """Show the limits of a session's idle time, and the seconds that are left of each."""
    left = {
        name: check.get("remaining")
        for name, check in (checks or {}).items()
        if isinstance(check, Mapping)
    }
    return ", ".join(
        f"{name} in {seconds:.0f} s"
        for name, seconds in left.items()
        if isinstance(seconds, (int, float))
    )


def _containers(containers: Sequence[Mapping[str, Any]] | None) -> str:
    return ", ".join(map(_container, containers or ()))


def _container(container: Mapping[str, Any]) -> str:
    """Show a container's name, its status, and what it uses if that was measured."""
    use, memory = (figure_of(container, *which) for which in (_USE, _MEMORY))
    figures = [
        "" if use is None else f"cpu {use:.0f} %",
        "" if memory is None else f"mem {binary_size(memory)}",
    ]
    used = f" ({', '.join(filter(None, figures))})" if any(figures) else ""
    return f"{container.get('cluster_hostname') or 'main1'} {container.get('status')}{used}"


def _get(attribute: str) -> Any:
    return lambda session: getattr(session, attribute)


# The names are those of the command line's specification; where the API has another name for a
# field, both are accepted.
FIELDS = [
    # An id is shown in full, although commands accept the beginning of it.
    Field(Column("id", "Session ID", keep=True, enough=9, official_name="session_id"), "id"),
    Field(Column("name", keep=True), "name"),
    Field(Column("access_key", "Owner"), "access_key"),
    Field(Column("image"), "image"),
    Field(Column("type"), "type"),
    Field(Column("status"), "status"),
    Field(Column("status_info", "Status Info"), "status_info"),
    Field(
        Column(
            "last_updated",
            "Last updated",
            local_time,
            brief=age,
            official_name="status_changed",
            get=_get("status_changed"),
        ),
        "status_changed",
    ),
    Field(Column("result"), "result"),
    Field(
        Column("task_id", "Task ID", official_name="main_kernel_id", get=_get("main_kernel_id")),
        "main_kernel_id",
    ),
    Field(Column("tag"), "tag"),
    Field(Column("created_at", "Created At", local_time, brief=age), "created_at"),
    Field(Column("terminated_at", "Terminated At", local_time, brief=age), "terminated_at"),
    Field(Column("starts_at", "Starts At", local_time, brief=age), "starts_at"),
    Field(
        Column(
            "occupied_slots",
            "Occupied Resource",
            show_slots,
            official_name="occupying_slots",
            get=_get("occupying_slots"),
        ),
        "occupying_slots",
    ),
    Field(Column("used_memory", "Used Memory (MiB)", _figure, right=True), _STATS),
    Field(Column("max_used_memory", "Max Used Memory (MiB)", _figure, right=True), _STATS),
    Field(Column("cpu_using", "CPU Using (%)", _figure, right=True), _STATS),
    Field(Column("startup_command"), "startup_command"),
    Field(Column("domain_name", "Domain"), "domain_name"),
    Field(Column("group_name", "Group"), "group_name"),
    Field(Column("scaling_group"), "scaling_group"),
    Field(Column("cluster_mode"), "cluster_mode"),
    Field(Column("cluster_size", right=True), "cluster_size"),
    Field(Column("service_ports", "Services", _ports), "service_ports"),
    Field(Column("mounts", show=_list), "mounts"),
    Field(Column("containers", show=_containers), _CONTAINERS),
    Field(Column("status_data", "Status Data", _json), "status_data"),
    Field(Column("engine_id", "Engine ID", get=_get("engine_id")), "status_data"),
    Field(
        Column("ends_at", "Ends At", local_time, brief=age, get=_get("ends_at")),
        "status status_data",
    ),
    Field(
        Column("scheduled_at", "Scheduled At", local_time, brief=age), "scheduled_at", usual=False
    ),
    Field(Column("user_email", "User"), "user_email", usual=False),
    Field(Column("user_id", "User ID"), "user_id", usual=False),
    Field(Column("created_user_email", "Created By"), "created_user_email", usual=False),
    Field(Column("created_user_id", "Creator's ID"), "created_user_id", usual=False),
    Field(Column("group_id", "Group ID"), "group_id", usual=False),
    Field(Column("agent_ids", "Agents", _list), "agent_ids", usual=False),
    Field(Column("registry"), "registry", usual=False),
    Field(Column("architecture"), "architecture", usual=False),
    Field(Column("cluster_template"), "cluster_template", usual=False),
    Field(Column("cluster_hostname", "Host Name"), _HOST_NAMES, usual=False),
    Field(Column("dependencies", "Depends On", _names), "dependencies { name id }", usual=False),
    Field(Column("idle_checks", "Idle Checks", show_idle_checks), "idle_checks", usual=False),
    Field(Column("abusing_reports", "Abuse Reports", _json), "abusing_reports", usual=False),
    Field(Column("resource_opts", "Resource Options", _pairs), "resource_opts", usual=False),
    Field(Column("num_queries", "Runs", right=True), "num_queries", usual=False),
]
COLUMNS = [field.column for field in FIELDS]
_OTHER_NAMES = {
    # names of the API
    "status_changed": "last_updated",
    "main_kernel_id": "task_id",
    "occupying_slots": "occupied_slots",
    "session_id": "id",
    # names that clients used up to 21.03
    "owner": "access_key",
    "kernel_id": "task_id",
    "group": "group_name",
    "agent": "agent_ids",
    # names that newer clients use
    "project_id": "group_id",
    "agents": "agent_ids",
}


def known_names(names: str) -> str:
    """Replace alternative names of fields by the names used here, in a comma-separated list."""
    return ",".join(_OTHER_NAMES.get(name.strip(), name) for name in names.split(","))
