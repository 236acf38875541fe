"""`proxy`: serves the API of the cluster at a local port, and signs the requests."""

from functools import partial

import click
from attrs import evolve

from atoll import Context, UsageError
from atoll.output import Column
from atoll_apps.access_options import AccessOptions, page_options, share_option
from atoll_apps.http.server import serve_connection
from atoll_apps.ports.listeners import Bind, listening
from atoll_apps.ports.serving import serve, until_interrupted
from atoll_apps.proxy.requests import forward_request

_COLUMNS = [Column("address", keep=True), Column("endpoint", keep=True)]


@click.command()
@click.option(
    "--bind", default="localhost", metavar="HOST|unix:PATH", show_default=True, help="Listen here."
)
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), default=8084, show_default=True,
    help="Listen at this port; 0 is any free one.",
)  # fmt: skip
@share_option("--force")
@page_options
async def proxy(
    context: Context,
    bind: str,
    port: int,
    share: bool,
    allow_hosts: tuple[str, ...],
    allow_origins: tuple[str, ...],
) -> None:
    """Serve the API of the cluster at a local port, without encryption, and sign with your keys.

    Your own programs can use it, other accounts and other machines can't. Requests from pages of
    other sites are refused. Use it for development and testing. Ctrl-C stops it.
    """
    at = Bind.parse(bind) if bind.startswith("unix:") else Bind(bind, port)
    if not (at.is_local or share):
        raise UsageError(
            f"everybody who can connect to {bind} could act with your keys",
            hint="--force allows it",
        )
    access = AccessOptions(
        say=context.output.warn, hosts=allow_hosts, origins=allow_origins, share=share
    )
    api = await context.connect()
    await api.version()
    async with listening(at, share=share) as (listeners, found):
        at = evolve(at, port=found)
        if share:
            context.output.warn(f"everyone who can connect to {at.name} acts with your keys")
        connection_filter = access.connection_filter("proxy")
        handle = partial(serve_connection, partial(forward_request, api), access.rules(at))
        async with until_interrupted(context) as nursery:
            nursery.start_soon(serve, listeners, connection_filter, handle)
            row = {"address": at.url, "endpoint": api.profile.endpoint}
            await context.output.rows([row], _COLUMNS)
            end = "Ctrl-C" if context.foreground else "kill %N"
            context.output.note(f"requests there need no keys; {end} stops it")
