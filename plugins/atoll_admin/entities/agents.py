"""Agents: the machines that sessions run on."""

from collections.abc import Mapping
from typing import Any

import click

from atoll.output import Column
from atoll.reading import to_figure
from atoll_admin.entity import Entity, ListQuery, SingleQuery
from atoll_admin.fields import (
    Field,
    document,
    flag,
    number,
    show_json,
    show_size,
    slots,
    text,
    timestamp,
)
from atoll_admin.list_commands import list_command, show_command
from atoll_admin.params import option


def _mebibytes(value: Any) -> Any:
    return round(value / 2**20, 1) if isinstance(value, int | float) else value


def _percent(value: Any) -> str:
    return "" if value is None else f"{value:.1f} %"


def _live(figures: Any) -> str:
    """Format the use of the whole machine, one metric after the other, in units for people."""
    node = figures.get("node") if isinstance(figures, Mapping) else None
    if not isinstance(node, Mapping):
        return show_json(figures)
    return "; ".join(f"{name} {_metric(entry)}" for name, entry in node.items())


def _metric(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    unit = str(entry.get("unit_hint") or "")
    current, capacity = (_amount(entry.get(name), unit) for name in ("current", "capacity"))
    share = to_figure(entry.get("pct"))
    of = f" of {capacity}" if capacity else ""
    return f"{current}{of}" + ("" if share is None else f" ({share:.1f} %)")


def _amount(value: Any, unit: str) -> str:
    amount = to_figure(value)
    if amount is None:
        return ""
    return show_size(amount) if unit == "bytes" else f"{amount:g} {unit}".strip()


def _health(metadata: Any) -> str:
    """Describe what is wrong with the machine or a part of it; empty if nothing is."""
    parts = metadata.items() if isinstance(metadata, Mapping) else ()
    described = [(name, part) for name, part in parts if isinstance(part, Mapping)]
    return "; ".join(
        f"{name} {part.get('status')}: {part.get('status_info') or 'no reason is given'}"
        for name, part in described
        if part.get("status") not in {None, "healthy"}
    )


_FILTERABLE = (
    "id",
    "status",
    "status_changed",
    "region",
    "scaling_group",
    "addr",
    "lost_at",
    "version",
)
AGENT = Entity(
    name="agent",
    key="id",
    fields=[
        text("id", "ID", keep=True),
        text("status"),
        timestamp("status_changed", "Status changed"),
        text("scaling_group"),
        flag("schedulable", "Takes sessions"),
        slots("available_slots", "Available"),
        slots("occupied_slots", "Occupied"),
        Field(Column("cpu_cur_pct", "CPU", _percent, right=True), "cpu_cur_pct"),
        Field(
            Column("mem_cur_bytes", "Memory", show_size, right=True, official=_mebibytes),
            "mem_cur_bytes",
        ),
        number("container_count", "Containers"),
        text("architecture"),
        text("region"),
        text("addr", "Address"),
        text("version"),
        timestamp("first_contact", "First seen"),
        timestamp("lost_at", "Lost"),
        document("compute_plugins"),
        document("local_config"),
        document("live_stat", "Live figures", show=_live),
        document("hardware_metadata", "Trouble", show=_health),
    ],
    default_columns="id,status,schedulable,scaling_group,available_slots,occupied_slots,cpu_cur_pct,mem_cur_bytes",
    official_columns="id,status,architecture,scaling_group,region,first_contact,cpu_cur_pct,"
    "mem_cur_bytes,available_slots,occupied_slots",
    described_by=("status", "scaling_group"),
    listing=ListQuery(
        root="agent_list",
        arguments={"status": "String", "scaling_group": "String"},
        paged=True,
        filterable=_FILTERABLE,
        orderable=(
            *(name for name in _FILTERABLE if name != "addr"),
            "available_slots",
            "occupied_slots",
        ),
    ),
    single=SingleQuery(root="agent", argument="agent_id", type="String!"),
)

rows = list_command(
    AGENT,
    option(
        "-s",
        "--status",
        type=click.Choice(["ALIVE", "LOST", "RESTARTING", "TERMINATED"], case_sensitive=False),
        default="ALIVE",
        show_default=True,
        help="Only agents of this status.",
    ),
    option(
        "--scaling-group", "--sgroup", completes="scaling-group", help="Only agents of this group."
    ),
)
show = show_command(AGENT, required=True)
