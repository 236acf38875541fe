"""`admin show-license`: what the cluster may be used for."""

import click

from atoll import AtollError, Column, Context
from atoll_admin.asking import NotOffered, send


@click.command()
async def show_license(context: Context) -> None:
    """Show the license; enterprise editions only."""
    api = await context.connect()
    try:
        answer = await send(api, "GET", "/license")
    except NotOffered:
        raise AtollError("this cluster has no license: only enterprise editions have") from None
    record = {"status": answer.get("status"), **(answer.get("certificate") or {})}
    context.output.item(record, [Column(name) for name in record])
