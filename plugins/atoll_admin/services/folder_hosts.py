"""`admin vfolders …`: the hosts that store folders, and their mounts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from atoll import Context, Name
from atoll.output import Column
from atoll.reading import maybe
from atoll_admin.actions import dry_run_option, show_request
from atoll_admin.fields import show_json, yes_or_no
from atoll_admin.requests import send
from atoll_admin.text_output import write_text


def _figure(value: Any) -> str:
    return show_json(value) if isinstance(value, dict | list) else str(value)


_HOSTS = [Column("name", keep=True), Column("default", show=yes_or_no)]
_FIGURES = [Column("metric", keep=True), Column("value", show=_figure)]
_NODE = {"node": maybe(str), "node_id": maybe(str)}
_FSTAB = [Column("node"), Column("node_id", "Node ID"), Column("content")]
_MOUNTS = [
    Column("node"),
    Column("success", show=yes_or_no),
    Column("mount", keep=True),
    Column("message"),
]


@click.command()
async def list_hosts(context: Context) -> None:
    """List all hosts for folders; for superadmins."""
    api = await context.connect()
    like = {"allowed": [str], "default": maybe(str)}
    answer = await send(api, "GET", "/folders/_/all-hosts", like=like)
    rows = [{"name": name, "default": name == answer["default"]} for name in answer["allowed"]]
    await context.output.rows(rows, _HOSTS)


@click.command()
@click.argument("vfolder_host", type=Name("vfolder-host"))
async def perf_metric(context: Context, vfolder_host: str) -> None:
    """Show how busy a host is; for superadmins."""
    api = await context.connect()
    params = {"folder_host": vfolder_host}
    figures = await send(api, "GET", "/folders/_/perf-metric", params, _unwrapped)
    rows = [{"metric": name, "value": value} for name, value in figures.items()]
    await context.output.rows(rows, _FIGURES)


def _unwrapped(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics; 26.x wraps them in `data`, and both releases wrap them in `metric`."""
    figures = answer.get("data", answer)
    return dict(figures.get("metric", figures))


@click.command()
@click.option(
    "-a",
    "--agent-id",
    type=Name("agent"),
    help="The agent whose file to show; the manager's by default.",
)
async def get_fstab_contents(context: Context, agent_id: str | None) -> None:
    """Show an fstab file; for superadmins."""
    api = await context.connect()
    params = {"agent_id": agent_id}
    answer = await send(api, "GET", "/folders/_/fstab", params, {"content": str, **_NODE})
    if context.output.format:
        context.output.item(answer, _FSTAB)
    else:
        await write_text(context, answer["content"])


@click.command()
async def list_mounts(context: Context) -> None:
    """List what is mounted on the manager, the storage and the agents; for superadmins."""
    api = await context.connect()
    await _show_mounts(context, await send(api, "GET", "/folders/_/mounts", like=_mounted))


@click.command(params=[dry_run_option()])
@click.argument("fs_location")
@click.argument("name")
@click.option("-o", "--options", help="Options for mount.")
@click.option("--edit-fstab", is_flag=True, help="Mount it at every boot, too.")
async def mount_host(
    context: Context,
    fs_location: str,
    name: str,
    options: str | None,
    edit_fstab: bool,
    dry_run: bool,
) -> int:
    """Mount FS_LOCATION as the host NAME everywhere; for superadmins."""
    params = {"fs_location": fs_location, "name": name, "edit_fstab": edit_fstab}
    if options:
        params["options"] = options
    return await _change(context, "POST", params, dry_run=dry_run)


@click.command(params=[dry_run_option()])
@click.argument("name", type=Name("vfolder-host"))
@click.option("--edit-fstab", is_flag=True, help="Don't mount it at boot any more.")
async def umount_host(context: Context, name: str, edit_fstab: bool, dry_run: bool) -> int:
    """Unmount the host NAME everywhere; for superadmins."""
    params = {"name": name, "edit_fstab": edit_fstab}
    return await _change(context, "DELETE", params, dry_run=dry_run)


async def _change(context: Context, method: str, params: dict[str, Any], *, dry_run: bool) -> int:
    if dry_run:
        show_request(context, method, "/folders/_/mounts", params)
        return 0
    api = await context.connect()
    answer = await send(api, method, "/folders/_/mounts", params, _mounted)
    await _show_mounts(context, answer)
    return 0 if all(mount["success"] for mount in answer) else 1


async def _show_mounts(context: Context, answer: Sequence[Mapping[str, Any]]) -> None:
    await context.output.rows(answer, _MOUNTS)


def _mounted(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(_mounts(answer))


def _mounts(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a record for each mount of each node; for a node without a mount, a record with the
    reason.
    """
    nodes = {name: result for name, result in answer.items() if name != "agents"}
    for node, result in {**nodes, **answer.get("agents", {})}.items():
        common = {"node": node, "success": result.get("success"), "message": result.get("message")}
        for mount in result.get("mounts") or [""]:
            path = " on ".join(mount) if isinstance(mount, list) else mount
            yield {**common, "mount": path}
