"""`admin show-license`: the license of the cluster."""

import click

from atoll import AtollError, Context
from atoll.output import Column
from atoll.reading import maybe
from atoll_admin.requests import NotOffered, send


@click.command()
async def show_license(context: Context) -> None:
    """Show the license; enterprise editions only."""
    api = await context.connect()
    try:
        like = {"status": maybe(str), "certificate": maybe(dict)}
        answer = await send(api, "GET", "/license", like=like)
    except NotOffered:
        raise AtollError("this cluster has no license: only enterprise editions have one") from None
    record = {"status": answer.get("status"), **(answer.get("certificate") or {})}
    context.output.item(record, [Column(name) for name in record])
