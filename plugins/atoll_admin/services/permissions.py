"""`admin permission list`: what can be allowed on a host for folders."""

import click

from atoll import Column, Context
from atoll_admin.asking import ask


@click.command()
async def list_permissions(context: Context) -> None:
    """List the permissions that `--allowed-vfolder-hosts` takes."""
    api = await context.connect()
    answer = await ask(api, "vfolder_host_permissions", {}, "vfolder_host_permission_list")
    rows = [{"permission": name} for name in answer["vfolder_host_permission_list"]]
    await context.output.rows(rows, [Column("permission")])
