"""`admin permission list`: the permissions on a folder host."""

import click

from atoll import Context
from atoll.output import Column
from atoll_admin.values import known_permissions


@click.command()
async def list_permissions(context: Context) -> None:
    """List the permissions that `--allowed-vfolder-hosts` takes."""
    api = await context.connect()
    rows = [{"permission": name} for name in await known_permissions(api)]
    await context.output.rows(rows, [Column("permission")])
