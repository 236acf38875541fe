"""The fields by which lists can be filtered and ordered, and the types of their values."""

from collections.abc import Mapping
from math import isfinite
from typing import Literal

from attrs import frozen

from atoll_cluster import clock
from atoll_cluster.store.records import STATUSES

Value = str | int | float | bool | None
ValueType = Literal["text", "number", "boolean", "time", "name"]


class FilterError(ValueError):
    """A filter or an order is invalid."""


@frozen
class Column:
    """A field: its SQL expression and its type; a value of the type `name` is one of `names`.

    Many rows have the same value of a column that `is_common`. An index helps to read a list in the
    order of this column, but not to find the rows with one value.
    """

    sql: str
    kind: ValueType = "text"
    names: frozenset[str] = frozenset()
    is_list: bool = False
    is_common: bool = False

    @property
    def condition(self) -> str:
        """The expression for conditions; a plus sign prevents that SQLite uses an index for it."""
        return f"+{self.sql}" if self.is_common else self.sql


def check(field: str, column: Column, value: Value) -> Value:
    """Return a value in the form of the store; raises FilterError if it has the wrong type."""
    if value is None:
        return None
    match column.kind:
        case "number":
            return _number(field, value)
        case "boolean":
            return int(bool(value))
        case "time":
            return _time(field, value)
        case "name":
            return known_name(field, str(value), column.names)
    return str(value)


def known_name(field: str, name: str, names: frozenset[str]) -> str:
    """Return a name in upper case; raises FilterError if it is not one of `names`."""
    if name.upper() not in names:
        raise FilterError(f"{field}: unknown name {name!r}")
    return name.upper()


def _number(field: str, value: Value) -> Value:
    if isinstance(value, int | float):
        return value
    try:
        number = float(str(value))
    except ValueError:
        raise FilterError(f"{field}: {value!r} is not a number") from None
    if not isfinite(number):
        raise FilterError(f"{field}: {value!r} is not a finite number")
    return number


def _time(field: str, value: Value) -> str:
    try:
        return clock.stamp(clock.parse(str(value)))
    except ValueError:
        raise FilterError(f"{field}: {value!r} is not an ISO-8601 time") from None


_STATUS = frozenset(STATUSES)
_TYPES = frozenset({"INTERACTIVE", "BATCH", "INFERENCE", "SYSTEM"})
_RESULTS = frozenset({"UNDEFINED", "SUCCESS", "FAILURE"})
_AGENTS = """
(SELECT json_group_array(DISTINCT agent) FROM kernels
 WHERE session_id = sessions.id AND agent IS NOT NULL)
"""


def _text(*names: str, table: str) -> dict[str, Column]:
    return {name: Column(f"{table}.{name}") for name in names}


def _times(*names: str, table: str) -> dict[str, Column]:
    return {name: Column(f"{table}.{name}", "time") for name in names}


def _of_user(column: str) -> Column:
    return Column(f"(SELECT {column} FROM users WHERE uuid = sessions.user_uuid)")  # noqa: S608 - our own names


SESSIONS: Mapping[str, Column] = {
    **_text(
        "id", "name", "image", "domain_name", "access_key", "scaling_group", "cluster_mode",
        "status_info", "startup_command", "tag", table="sessions",
    ),
    **_times(
        "created_at", "terminated_at", "starts_at", "scheduled_at", "status_changed",
        table="sessions",
    ),
    "type": Column("sessions.type", "name", _TYPES),
    "status": Column("sessions.status", "name", _STATUS),
    "result": Column("sessions.result", "name", _RESULTS),
    "cluster_size": Column("sessions.cluster_size", "number"),
    "priority": Column("sessions.priority", "number"),
    "group_name": Column("(SELECT name FROM groups WHERE id = sessions.group_id)"),
    "user_email": _of_user("email"),
    "full_name": _of_user("full_name"),
    "agent_ids": Column(_AGENTS, is_list=True),
    "agent_id": Column(_AGENTS, is_list=True),
    "agents": Column(_AGENTS, is_list=True),
}  # fmt: skip

CONTAINERS: Mapping[str, Column] = {
    **_text("id", "cluster_role", "cluster_hostname", "status_info", table="kernels"),
    **_times("created_at", "status_changed", "terminated_at", table="kernels"),
    "status": Column("kernels.status", "name", _STATUS),
    "cluster_idx": Column("kernels.cluster_idx", "number"),
    "local_rank": Column("kernels.cluster_idx - 1", "number"),
    "image": Column("(SELECT image FROM sessions WHERE id = kernels.session_id)"),
    "architecture": Column("(SELECT architecture FROM sessions WHERE id = kernels.session_id)"),
    "scheduled_at": Column(
        "(SELECT scheduled_at FROM sessions WHERE id = kernels.session_id)", "time"
    ),
}

_PROJECTS = """
(SELECT json_group_array(groups.name) FROM groups
 JOIN group_members ON group_members.group_id = groups.id
 WHERE group_members.user_uuid = keypairs.user)
"""

KEYPAIRS: Mapping[str, Column] = {
    **_text("access_key", "user_id", "full_name", "ssh_public_key", table="keypairs"),
    **_times("created_at", "last_used", table="keypairs"),
    "email": Column("keypairs.user_id"),
    "projects": Column(_PROJECTS, is_list=True),
    "is_active": Column("keypairs.is_active", "boolean"),
    "is_admin": Column("keypairs.is_admin", "boolean"),
    "resource_policy": Column("keypairs.resource_policy", is_common=True),
    "rate_limit": Column("keypairs.rate_limit", "number", is_common=True),
    "num_queries": Column("keypairs.num_queries", "number"),
}

USERS: Mapping[str, Column] = {
    **_text(
        "uuid", "username", "email", "full_name", "description", "status_info", "main_access_key",
        table="users",
    ),
    **{
        name: Column(f"users.{name}", is_common=True)
        for name in ("domain_name", "resource_policy", "role", "status")
    },
    **_times("created_at", "modified_at", table="users"),
    **{
        name: Column(f"users.{name}", "boolean")
        for name in (
            "is_active", "need_password_change", "totp_activated", "sudo_session_enabled",
        )
    },
    "allowed_client_ip": Column("coalesce(users.allowed_client_ip, '[]')", is_list=True),
    "totp_activated_at": Column("NULL", "time"),
}  # fmt: skip

AGENTS: Mapping[str, Column] = {
    **_text("id", "status", "region", "scaling_group", "addr", "version", table="agents"),
    **_times("status_changed", "first_contact", "lost_at", table="agents"),
    "schedulable": Column("agents.schedulable", "boolean"),
}
