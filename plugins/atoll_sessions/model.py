"""A session, as the API describes it."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from attrs import frozen

from atoll.reading import record, to_figure

DEAD = ("CANCELLED", "TERMINATED")
"""The statuses of sessions that have ended. New releases add other statuses."""
_JSON = {
    "status_data",
    "occupying_slots",
    "requested_slots",
    "service_ports",
    "idle_checks",
    "resource_opts",
    "live_stat",
    "last_stat",
}
_MIB = 1024 * 1024
_MOST_WORDS = 300
_FIRST_MINUTE = 60.0
_IDLE_LOAD = 0.1
"""The most processor time that a session counted as idle uses, in processors on average."""


@frozen(kw_only=True)
class Session:
    """A compute session; attributes are fields of GraphQL's `ComputeSession` (every release).

    Times are ISO 8601 text, slots maps of slot name to amount. Fields that were not requested are
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
    requested_slots: Mapping[str, str] | None = None
    service_ports: Sequence[Mapping[str, Any]] | None = None
    mounts: Sequence[str] | None = None
    containers: Sequence[Mapping[str, Any]] | None = None
    scheduled_at: str | None = None
    user_email: str | None = None
    user_id: str | None = None
    created_user_email: str | None = None
    created_user_id: str | None = None
    group_id: str | None = None
    agent_ids: Sequence[str] | None = None
    registry: str | None = None
    architecture: str | None = None
    cluster_template: str | None = None
    dependencies: Sequence[Mapping[str, Any]] | None = None
    idle_checks: Mapping[str, Any] | None = None
    abusing_reports: Sequence[Any] | None = None
    resource_opts: Mapping[str, Any] | None = None
    num_queries: int | None = None

    @classmethod
    def from_node(cls, node: Mapping[str, Any]) -> Self:
        """Take the known fields from a GraphQL node, and decode JSON inside JSON."""
        return record(cls, {key: _decode(key, value) for key, value in node.items()})

    @property
    def alive(self) -> bool:
        """Whether the session has not ended."""
        return self.status not in DEAD

    @property
    def trouble(self) -> str:
        """The cluster's note about a start that failed or was postponed; empty if there is none."""
        data = self.status_data if isinstance(self.status_data, dict) else {}
        return _failure(data.get("error")) or _scheduling_failure(data.get("scheduler"))

    @property
    def engine_id(self) -> str | None:
        """The id that the cluster's engine uses for the session, such as the id of a job."""
        return self._of_engine("id")

    @property
    def ends_at(self) -> str | None:
        """When the cluster's engine will end the session."""
        return self._of_engine("ends_at") if self.alive else None

    def _of_engine(self, name: str) -> str | None:
        data = self.status_data if isinstance(self.status_data, dict) else {}
        engine = data.get("engine")
        value = engine.get(name) if isinstance(engine, dict) else None
        return value if isinstance(value, str) else None

    @property
    def cluster_hostname(self) -> str:
        """The host name of its main container."""
        for one in self.containers or ():
            if one.get("cluster_role") == "main":
                return str(one.get("cluster_hostname") or "")
        return ""

    @property
    def job_code(self) -> int | None:
        """The exit code of the job of a batch session that has ended; None before."""
        if (self.type or "").lower() != "batch" or self.status != "TERMINATED":
            return None
        data = self.status_data if isinstance(self.status_data, dict) else {}
        kernel = data.get("kernel")
        code = kernel.get("exit_code") if isinstance(kernel, dict) else None
        known = isinstance(code, int) and 0 <= code < 256
        result = {"SUCCESS": 0, "FAILURE": 1}.get((self.result or "").upper())
        return code if known and (result is None or bool(result) == bool(code)) else result

    @property
    def used_memory(self) -> float | None:
        """Memory in use now, over all containers, in MiB; None when nothing was measured."""
        return _mib(self._measured("mem", "current"))

    @property
    def max_used_memory(self) -> float | None:
        """The sum over the containers of the most memory that each has used, in MiB."""
        return _mib(self._measured("mem", "stats.max"))

    @property
    def cpu_using(self) -> float | None:
        """Processor use now in per cent of one core, over all containers."""
        return self._measured("cpu_util", "pct")

    @property
    def seems_idle(self) -> bool:
        """Whether it waits for input: it is no batch job, and its processors do next to nothing.

        For a young session, the total use since its start counts, since the measured rate would
        hide it.
        """
        if (self.type or "").lower() != "interactive":
            return False
        used, age = self._measured("cpu_used", "current"), _age(self.created_at)
        is_idle = used is not None and age < _FIRST_MINUTE and used / 1000 < age * _IDLE_LOAD
        return is_idle or (self.cpu_using or 0.0) < _IDLE_LOAD * 100

    def _measured(self, metric: str, figure: str) -> float | None:
        figures = [
            measured
            for container in self.containers or ()
            if (measured := figure_of(container, metric, figure)) is not None
        ]
        return sum(figures) if figures else None


def _age(moment: str | None) -> float:
    """Return how many seconds ago a time was; infinity if it is not known."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(moment or "")).total_seconds()
    except (ValueError, TypeError):
        return math.inf


def _failure(error: Any) -> str:
    """Name the first error of those that an agent has reported."""
    if not isinstance(error, dict):
        return ""
    collected = error.get("collection")
    first = collected[0] if isinstance(collected, list) and collected else error
    if not isinstance(first, dict):
        return ""
    return str(first.get("repr") or first.get("name") or "")[:_MOST_WORDS]


def _scheduling_failure(scheduler: Any) -> str:
    """Return what the scheduler waits for: the limits that are reached, or free slots."""
    if not isinstance(scheduler, dict):
        return ""
    failed = scheduler.get("failed_predicates")
    known = [one for one in failed if isinstance(one, dict)] if isinstance(failed, list) else []
    limits = [str(one.get("msg") or one.get("name")) for one in known]
    return "; ".join(limits or [str(scheduler.get("msg") or "")])[:_MOST_WORDS]


def _decode(key: str, value: Any) -> Any:
    if key == "containers":
        return [
            {name: _decode(name, inner) for name, inner in item.items()} for item in value or ()
        ]
    return json.loads(value) if key in _JSON and isinstance(value, str) and value else value


def figure_of(container: Mapping[str, Any], metric: str, figure: str) -> float | None:
    """Return a figure of a container's metric; None if it was not measured."""
    stat = container.get("live_stat") or container.get("last_stat")
    entry = stat.get(metric) if isinstance(stat, dict) else None
    return to_figure(entry.get(figure)) if isinstance(entry, dict) else None


def _mib(size: float | None) -> float | None:
    return None if size is None else round(size / _MIB, 1)
