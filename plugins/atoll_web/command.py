"""`web`: serves Backend.AI's WebUI at a local port, for the profile in use and only for this
user.
"""

from functools import partial
from typing import TYPE_CHECKING

import click
import trio
from attrs import evolve

from atoll import Context, UsageError
from atoll.output import Column
from atoll_apps.api import (
    AccessOptions,
    Bind,
    listening,
    page_options,
    serve,
    serve_connection,
    share_option,
    until_interrupted,
)
from atoll_vfolders.api import StorageServers
from atoll_web.account import who_am_i
from atoll_web.files import StaticFiles
from atoll_web.forwards import Forwards
from atoll_web.installation import RELEASE, find_files, install_files
from atoll_web.site import Site
from atoll_web.storage import StorageRoutes

if TYPE_CHECKING:
    from atoll import Api

_COLUMNS = [Column("address", keep=True), Column("endpoint", keep=True)]


@click.command()
@click.option("--install", is_flag=True, help="Get the page's files from PyPI first (13 MB).")
@click.option("--open/--no-open", "show", default=None, help="Open a browser, or don't.")
@click.option("--bind", default="localhost", metavar="HOST", show_default=True, help="Listen here.")
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), default=8090, show_default=True,
    help="Listen at this port; 0 is any that is free.",
)  # fmt: skip
@share_option("--force")
@page_options
async def web(
    context: Context,
    install: bool,
    show: bool | None,
    bind: str,
    port: int,
    share: bool,
    allow_hosts: tuple[str, ...],
    allow_origins: tuple[str, ...],
) -> None:
    """Serve Backend.AI's web page here, logged in as the profile's user.

    Your own browser can use it, other accounts and other machines can't. Ctrl-C stops it.
    """
    at = Bind(bind, port)
    if not (at.is_local or share):
        raise UsageError(
            f"everybody who can connect to {bind} could act as you", hint="--force allows it"
        )
    access = AccessOptions(
        say=context.output.warn, hosts=allow_hosts, origins=allow_origins, share=share
    )
    if install:
        await install_files(context)
    files = StaticFiles(find_files(context))
    api = await context.connect()
    user = await who_am_i(api)
    async with listening(at, share=share) as (listeners, found):
        at = evolve(at, port=found)
        if share:
            context.output.warn(f"everyone who can connect to {at.name} acts as you")
        async with (
            StorageServers(context, api) as servers,
            until_interrupted(context) as nursery,
        ):
            forwards = Forwards(api, nursery, access)
            site = Site(
                api=api, user=user, files=files, forwards=forwards, storage=StorageRoutes(servers)
            )
            handle = partial(serve_connection, site.handle, evolve(access.rules(at), links=True))
            nursery.start_soon(serve, listeners, access.connection_filter("web"), handle)
            await _announce(context, api, at, show=show)


async def _announce(context: Context, api: "Api", at: Bind, *, show: bool | None) -> None:
    row = {"address": at.url, "endpoint": api.profile.endpoint}
    await context.output.rows([row], _COLUMNS)
    end = "Ctrl-C" if context.foreground else "kill %N"
    context.output.note(f"WebUI of Backend.AI {RELEASE}; {end} stops it")
    if show if show is not None else context.output.stdout.isatty():
        import webbrowser

        await trio.to_thread.run_sync(webbrowser.open, at.url)
