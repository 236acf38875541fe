"""`proxy`: the API of the cluster at a local port, where nobody needs a signature."""

from collections.abc import AsyncIterator
from functools import partial

import click
import trio

from atoll import Column, Context, UsageError
from atoll_apps.binding import Bind, listen
from atoll_apps.proxying import serve_connection

_COLUMNS = [Column("address", keep=True), Column("endpoint", keep=True)]


@click.command()
@click.option("--bind", default="localhost", metavar="HOST", show_default=True, help="Listen here.")
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), default=8084, show_default=True,
    help="Listen at this port; 0 is any that is free.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Listen where other machines can get, too.")
async def proxy(context: Context, bind: str, port: int, force: bool) -> None:
    """Serve the API of the cluster here, unencrypted, signing what comes with your keys.

    Whoever can reach the port acts as you. Use it for development and testing. Pages of other
    sites than this machine's own are refused. Ctrl-C stops it.
    """
    at = Bind(bind, port)
    if not at.is_loopback and not force:
        raise UsageError(
            f"whoever reaches {bind} could act with your keys", hint="--force does it all the same"
        )
    api = await context.connect()
    await api.version()
    listeners, port = await listen(at)
    if not at.is_loopback:
        context.output.warn(f"whoever reaches {bind}:{port} acts with your keys")
    serve = partial(serve_connection, api, guarded=at.is_loopback)
    async with context.interrupts() as presses, trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        nursery.start_soon(_stop_on, presses, nursery.cancel_scope)
        address = f"http://{Bind(bind, port).shown_host}:{port}"
        row = {"address": address, "endpoint": api.profile.endpoint}
        await context.output.rows([row], _COLUMNS)
        end = "Ctrl-C" if context.foreground else "jobs cancel"
        context.output.note(f"requests there need no keys; {end} stops it")


async def _stop_on(presses: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in presses:
        scope.cancel()
