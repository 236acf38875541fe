"""Agents: the machines that sessions run on."""

from typing import Any

import click

from atoll import Column
from atoll_admin.commands import list_command, show_command
from atoll_admin.fields import Field, document, flag, number, show_size, slots, text, when
from atoll_admin.kind import Kind, Listing, Reading
from atoll_admin.params import option


def _percent(value: Any) -> str:
    return "" if value is None else f"{value:.1f} %"


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
AGENT = Kind(
    name="agent",
    key="id",
    fields=[
        text("id", "ID", keep=True),
        text("status"),
        when("status_changed", "Status changed"),
        text("scaling_group"),
        flag("schedulable"),
        slots("available_slots", "Available"),
        slots("occupied_slots", "Occupied"),
        Field(Column("cpu_cur_pct", "CPU", _percent, right=True), "cpu_cur_pct"),
        Field(Column("mem_cur_bytes", "Memory", show_size, right=True), "mem_cur_bytes"),
        number("container_count", "Containers"),
        text("architecture"),
        text("region"),
        text("addr", "Address"),
        text("version"),
        when("first_contact", "First seen"),
        when("lost_at", "Lost"),
        document("compute_plugins"),
        document("local_config"),
        document("live_stat", "Live figures"),
    ],
    listed="id,status,scaling_group,available_slots,occupied_slots,cpu_cur_pct,mem_cur_bytes",
    remarked=("status", "scaling_group"),
    listing=Listing(
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
    reading=Reading(root="agent", argument="agent_id", type="String!"),
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
    option("--scaling-group", "--sgroup", kind="scaling-group", help="Only agents of this group."),
)
show = show_command(AGENT, required=True)
