"""`admin show-license`: what the cluster may be used for."""

import click

from atoll import AtollError, Column, Context, Problem
from atoll_admin.asking import send


@click.command()
async def show_license(context: Context) -> None:
    """Show the license (`GET /license`); enterprise editions only."""
    api = await context.connect()
    try:
        answer = await send(api, "GET", "/license")
    except Problem as problem:
        if problem.status == 404:
            raise AtollError(
                "this cluster has no license to show: only enterprise editions have"
            ) from None
        raise
    record = {"status": answer.get("status"), **(answer.get("certificate") or {})}
    context.output.item(record, [Column(name) for name in record])
