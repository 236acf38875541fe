"""`admin resources`: slots, registries, and usage."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from atoll import Context, Name, UsageError
from atoll.output import Column
from atoll_admin.actions import carry_out, dry_run_option
from atoll_admin.entities.groups import group_id
from atoll_admin.fields import show_list, show_size
from atoll_admin.requests import NotOffered, run_query, send

_SLOTS = [Column("slot_name", "Slot"), Column("slot_type", "Type")]
_REGISTRIES = [Column("name", keep=True), Column("url", "URL")]
_USAGE = [
    Column("g_id", "Group ID", keep=True),
    Column("g_name", "Group"),
    Column("domain_name", "Domain"),
    Column("g_cpu_allocated", "CPU", right=True),
    Column("g_cpu_used", "CPU used (s)", lambda used: f"{(used or 0) / 1000:.1f}", right=True),
    Column("g_mem_allocated", "Memory", show_size, right=True),
    Column("g_mem_used", "Memory used", show_size, right=True),
    Column("g_shared_memory", "Shared memory", show_size, right=True),
    Column("g_disk_allocated", "Disk", show_size, right=True),
    Column("g_disk_used", "Disk used", show_size, right=True),
    Column("g_io_read", "Read", show_size, right=True),
    Column("g_io_write", "Written", show_size, right=True),
    Column("g_gpu_allocated", "GPU", right=True),
    Column("g_gpu_mem_allocated", "GPU memory", show_size, right=True),
    Column("g_device_type", "Devices", show_list),
    Column("g_smp", "SMP", right=True),
    Column("c_infos", "Containers", lambda found: str(len(found or ())), right=True),
]


@click.command()
async def docker_registries(context: Context) -> None:
    """List the registries that images come from; for superadmins."""
    api = await context.connect()
    try:
        found = await send(api, "GET", "/config/docker-registries", like=dict)
    except NotOffered:
        # The name of the route since 26.8.
        found = await send(api, "GET", "/resource/container-registries", like=dict)
    rows = [{"name": name, "url": url} for name, url in sorted(found.items())]
    await context.output.rows(rows, _REGISTRIES)


@click.command()
async def resource_slots(context: Context) -> None:
    """List the kinds of slots that agents offer."""
    api = await context.connect()
    found = await send(api, "GET", "/config/resource-slots", like=dict)
    rows = [{"slot_name": name, "slot_type": unit} for name, unit in sorted(found.items())]
    await context.output.rows(rows, _SLOTS)


@click.command()
async def vfolder_types(context: Context) -> None:
    """List who may own folders: users, groups."""
    api = await context.connect()
    found = await send(api, "GET", "/config/vfolder-types", like=list)
    await context.output.rows([{"type": owner} for owner in found], [Column("type")])


@click.command(params=[dry_run_option()])
async def recalculate_usage(context: Context, dry_run: bool) -> int:
    """Recalculate how much sessions occupy; for superadmins."""
    route, done = "/resource/recalculate-usage", "usage is recalculated"
    return await carry_out(context, "POST", route, {}, done=done, dry_run=dry_run)


def _month(_context: click.Context, _param: click.Parameter, text: str) -> str:
    return _checked(text, "%Y%m", "202611")


def _day(_context: click.Context, _param: click.Parameter, text: str) -> str:
    return _checked(text, "%Y%m%d", "20261105")


def _checked(text: str, format: str, example: str) -> str:
    try:
        good = datetime.strptime(text, format).strftime(format) == text  # noqa: DTZ007  # days are the cluster's
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter(f"{text!r} is not like {example}")
    return text


@click.command()
@click.argument("month", metavar="YYYYMM", callback=_month)
@click.argument("groups", nargs=-1, type=Name("group"))
async def usage_per_month(context: Context, month: str, groups: tuple[str, ...]) -> None:
    """Show what groups used in a month, all groups by default; for superadmins."""
    api = await context.connect()
    if groups:
        ids = [await group_id(api, group) for group in groups]
    else:
        # 23.09 requires all of them.
        ids = [one["id"] for one in await run_query(api, "groups", {}, "id", [{"id": str}]) or ()]
    params = {"month": month, "group_ids": ids}
    found = await send(api, "GET", "/resource/usage/month", params, [_usage])
    await context.output.rows(found, _USAGE)


@click.command()
@click.argument("group", type=Name("group"))
@click.argument("start_date", metavar="YYYYMMDD", callback=_day)
@click.argument("end_date", metavar="YYYYMMDD", callback=_day)
async def usage_per_period(context: Context, group: str, start_date: str, end_date: str) -> None:
    """Show what a group used from one date to another, 100 days at most; for superadmins."""
    if end_date < start_date:
        raise UsageError(f"the end, {end_date}, is before the start, {start_date}")
    api = await context.connect()
    params = {
        "group_id": await group_id(api, group),
        "start_date": start_date,
        "end_date": end_date,
    }
    found = await send(api, "GET", "/resource/usage/period", params, [_as_month])
    await context.output.rows(found, _USAGE)


def _usage(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {column.name: answer[column.name] for column in _USAGE}


def _as_month(usage: Mapping[str, Any]) -> Mapping[str, Any]:
    """Convert a period's usage into the format of a month's usage; that of 26.x is different."""
    total = usage.get("total_usage")
    if total is None:
        return _usage(usage)
    return {
        "g_id": usage.get("project_id"),
        "g_name": usage.get("project_name"),
        "domain_name": usage.get("domain_name"),
        **{f"g_{name}": figure for name, figure in total.items()},
        "c_infos": list((usage.get("sessions") or {}).values()),
    }
