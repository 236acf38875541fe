"""Reports of the usage in a month or a period, and time series for charts."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import anyio.lowlevel
import anyio.to_thread
from attrs import frozen
from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.scheduler.metering import amount
from atoll_cluster.slots import Slots, recorded

_LONGEST = 100
"""The most days of a report."""
_BIN = timedelta(minutes=15)
_BINS = 2880

_FOUND = """
SELECT kernels.id FROM kernels JOIN sessions ON sessions.id = kernels.session_id
WHERE kernels.occupied_slots != '{}' AND coalesce(sessions.scheduled_at, kernels.created_at) < :end
AND (kernels.terminated_at IS NULL OR kernels.terminated_at >= :start)
AND (:user IS NULL OR sessions.user_uuid = :user)
ORDER BY kernels.created_at, kernels.id
"""
_RUNS = """
SELECT kernels.id, kernels.agent, kernels.container_id, kernels.created_at, kernels.terminated_at,
    kernels.status, kernels.status_info, kernels.status_changed, kernels.occupied_slots,
    kernels.last_stat, sessions.id AS session_id, sessions.name, sessions.access_key,
    sessions.image, sessions.cluster_mode, sessions.domain_name, sessions.group_id,
    sessions.user_uuid, coalesce(sessions.scheduled_at, kernels.created_at) AS started_at,
    (SELECT json_group_object(status, at) FROM session_history WHERE session_id = sessions.id)
        AS status_history,
    groups.name AS group_name, users.email, users.full_name
FROM kernels
JOIN sessions ON sessions.id = kernels.session_id
JOIN groups ON groups.id = sessions.group_id
JOIN users ON users.uuid = sessions.user_uuid
WHERE kernels.id IN (SELECT value FROM json_each(?))
ORDER BY kernels.created_at, kernels.id
"""
_BATCH_SIZE = 200
"""How many kernels are read before other tasks can run, because there may be very many."""


@frozen
class KernelUsage:
    """The slots and the resource use of a kernel from `begin` to `end`."""

    row: dict[str, Any]
    slots: Slots
    stat: dict[str, Any] | None
    begin: datetime
    end: datetime

    def figure(self, metric: str, name: str = "current") -> int:
        """Return a measured value as a whole number, 0 if it was not measured."""
        return int(amount(self.stat, metric, name))

    @property
    def gpus(self) -> float:
        """The number of GPUs, or of GPU shares."""
        return float(sum(self.slots.devices.values()))

    def as_report(self) -> dict[str, Any]:
        """Return the kernel's entry in a report."""
        copied = ("id", "session_id", "container_id", "domain_name", "group_id", "group_name",
            "name", "access_key", "email", "full_name", "status", "status_info",
            "cluster_mode")  # fmt: skip
        moments = ("created_at", "terminated_at", "status_changed")
        used = self.end - self.begin
        image = self.row["image"]
        more = {"nfs": [], "image_id": image, "image_name": image}
        history = json.loads(self.row["status_history"])
        return (
            {name: self.row[name] for name in copied}
            # These must be texts, because clients concatenate them without a check.
            | {name: str(self.row[name]) for name in moments}
            | self.amounts()
            | more
            | {
                "status_history": history,
                "agent": self.row["agent"] or "",
                "used_time": str(used),
                "used_days": max(1, -(-used // timedelta(days=1))),
            }
        )

    def amounts(self) -> dict[str, Any]:
        """Return the amounts that reports add up; times are in milliseconds, sizes in bytes."""
        return {
            "cpu_allocated": float(self.slots.cpu),
            "cpu_used": float(self.figure("cpu_used")),
            "mem_allocated": self.slots.mem,
            "mem_used": self.figure("mem", "stats.max"),
            "shared_memory": 0,
            "disk_allocated": 0,
            "disk_used": self.figure("io_scratch_size", "stats.max"),
            "io_read": self.figure("io_read"),
            "io_write": self.figure("io_write"),
            "device_type": sorted({name.partition(".")[0] for name in self.slots.devices}),
            "smp": float(self.gpus),
            "gpu_mem_allocated": 0,
            "gpu_allocated": self.gpus,
        }


MakeReport = Callable[[Sequence[KernelUsage]], dict[str, Any]]


async def month(call: Call) -> Response:
    """`GET /resource/usage/month`: the usage of each group in a month, `YYYYMM`."""
    text = call.params.required("month")
    begin = _day(text + "01", "month", text)
    following = (begin + timedelta(days=32)).replace(day=1)
    # Clients of 26.x join the ids with commas.
    groups = [one for ids in call.params.sequence("group_ids") for one in str(ids).split(",")]
    return await _report(call, begin, following, _report_group, list(filter(None, groups)))


async def period(call: Call) -> Response:
    """`GET /resource/usage/period`: the usage between two days, `YYYYMMDD`."""
    first, last = call.params.required("start_date"), call.params.required("end_date")
    begin, end = _day(first, "start_date", first), _day(last, "end_date", last) + timedelta(days=1)
    if end <= begin or end - begin > timedelta(days=_LONGEST):
        raise invalid_params(f"a period has 1 to {_LONGEST} days", {"end_date": last})
    group = call.params.text("project_id", "group_id")
    return await _report(call, begin, end, _report_project, [group] if group else [])


async def recalculate(_: Call) -> Response:
    """`POST /resource/recalculate-usage`: does nothing, because usage is always recomputed."""
    return reply({})


async def own_stats(call: Call) -> Response:
    """`GET /resource/stats/user/month`: the caller's last 30 days in steps of 15 minutes."""
    return await _stats(call, call.caller.user.uuid)


async def all_stats(call: Call) -> Response:
    """`GET /resource/stats/admin/month`: the last 30 days of all users, in the same form."""
    return await _stats(call, None)


def _day(text: str, name: str, given: str) -> datetime:
    try:
        moment = datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC)
        _ = moment + timedelta(days=_LONGEST)  # The end of a report must be a valid date too.
    except (ValueError, OverflowError):
        raise invalid_params(f"{name}: {given!r} is not a date", {name: given}) from None
    return moment


async def _runs(
    call: Call, begin: datetime, end: datetime, user: str | None = None
) -> AsyncIterator[KernelUsage]:
    """Yield the kernels that ran between two times; their times are cut to this period."""
    bounds = {"start": clock.stamp(begin), "end": clock.stamp(end), "user": user}
    db = call.cluster.store.db
    ids = [row["id"] for row in db.rows(_FOUND, bounds)]
    for start in range(0, len(ids), _BATCH_SIZE):
        for row in db.rows(_RUNS, (json.dumps(ids[start : start + _BATCH_SIZE]),)):
            yield _run(call, row, begin, end)
        await anyio.lowlevel.checkpoint()


def _run(call: Call, row: sqlite3.Row, begin: datetime, end: datetime) -> KernelUsage:
    live = call.cluster.scheduler.metering.live
    kept = json.loads(row["last_stat"]) if row["last_stat"] else None
    ended = clock.parse(row["terminated_at"]) if row["terminated_at"] else datetime.now(UTC)
    return KernelUsage(
        dict(row),
        recorded(json.loads(row["occupied_slots"])),
        live(row["id"]) or kept,
        max(clock.parse(row["started_at"]), begin),
        max(min(ended, end), begin),
    )


async def _report(
    call: Call, begin: datetime, end: datetime, as_report: MakeReport, groups: Sequence[str]
) -> Response:
    by_group: dict[str, list[KernelUsage]] = {}
    async for run in _runs(call, begin, end):
        if not groups or run.row["group_id"] in groups:
            by_group.setdefault(run.row["group_id"], []).append(run)
    return await anyio.to_thread.run_sync(
        lambda: reply([as_report(runs) for runs in by_group.values()])
    )


def _report_group(runs: Sequence[KernelUsage]) -> dict[str, Any]:
    row, amounts = runs[0].row, [run.amounts() for run in runs]
    numbers = [name for name, value in amounts[0].items() if name != "device_type"]
    devices = {device for one in amounts for device in one["device_type"]}
    return {
        "domain_name": row["domain_name"],
        "g_id": row["group_id"],
        "g_name": row["group_name"],
        **{f"g_{name}": sum(one[name] for one in amounts) for name in numbers},
        "g_device_type": sorted(devices),
        "c_infos": [run.as_report() for run in runs],
    }


def _report_project(runs: Sequence[KernelUsage]) -> dict[str, Any]:
    """Return the usage of a group, in a form for all releases: before 24.03 and later."""
    group = _report_group(runs)
    by_session: dict[str, list[KernelUsage]] = {}
    for run in runs:
        by_session.setdefault(run.row["session_id"], []).append(run)
    return group | {
        "project_id": group["g_id"],
        "project_name": group["g_name"],
        "group_unit": "project",
        "total_usage": _total(runs),
        "sessions": {key: _report_session(own) for key, own in by_session.items()},
    }


def _report_session(runs: Sequence[KernelUsage]) -> dict[str, Any]:
    told = runs[0].as_report()
    return told | {
        "project_id": told["group_id"],
        "project_name": told["group_name"],
        "session_name": told["name"],
        "user_email": told["email"],
        "images": [told["image_name"]],
        "agents": sorted({run.row["agent"] for run in runs if run.row["agent"]}),
        "container_ids": [run.row["container_id"] for run in runs],
        "group_unit": "session",
        "total_usage": _total(runs),
        "kernels": {
            run.row["id"]: run.as_report() | {"total_usage": _total([run])} for run in runs
        },
    }


def _total(runs: Sequence[KernelUsage]) -> dict[str, Any]:
    group = _report_group(runs)
    figures = {name.removeprefix("g_"): group[name] for name in group if name.startswith("g_")}
    return figures | {"nfs": []}


async def _stats(call: Call, user: str | None) -> Response:
    """Answer with one point for each 15 minutes."""
    now = datetime.now(UTC)
    begin = now - _BINS * _BIN
    columns = {name: [0.0] * (_BINS + 1) for name in ("sessions", "cpu", "mem", "gpu")}
    ended = {name: [0.0] * _BINS for name in ("io_read", "io_write", "io_scratch_size")}
    async for run in _runs(call, begin, now, user):
        first, last = _bin(run.begin - begin), _bin(run.end - begin)
        cpu, mem = float(run.slots.cpu), float(run.slots.mem)
        held = {"sessions": 1.0, "cpu": cpu, "mem": mem, "gpu": run.gpus}
        for name, value in held.items():
            columns[name][first] += value
            columns[name][last + 1] -= value
        for name, values in ended.items():
            values[last] += run.figure(name)
    running = {name: list(accumulate(values)) for name, values in columns.items()}
    return await anyio.to_thread.run_sync(
        lambda: reply([_point(begin, number, running, ended) for number in range(_BINS)])
    )


def _bin(since: timedelta) -> int:
    return min(max(0, since // _BIN), _BINS - 1)


def _point(
    begin: datetime, number: int, running: dict[str, list[float]], ended: dict[str, list[float]]
) -> dict[str, Any]:
    return {
        "date": (begin + number * _BIN).timestamp(),
        "num_sessions": _value(running["sessions"][number], "count"),
        "cpu_allocated": _value(running["cpu"][number], "count"),
        "mem_allocated": _value(running["mem"][number], "bytes"),
        "gpu_allocated": _value(running["gpu"][number], "count"),
        "io_read_bytes": _value(ended["io_read"][number], "bytes"),
        "io_write_bytes": _value(ended["io_write"][number], "bytes"),
        "disk_used": _value(ended["io_scratch_size"][number], "bytes"),
    }


def _value(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit_hint": unit}


ROUTES: Routes = (
    route("GET", "/resource/usage/month", month, superadmin=True),
    route("GET", "/resource/usage/period", period, superadmin=True),
    route("POST", "/resource/recalculate-usage", recalculate, superadmin=True),
    route("GET", "/resource/stats/user/month", own_stats),
    route("GET", "/resource/stats/admin/month", all_stats, superadmin=True),
)
