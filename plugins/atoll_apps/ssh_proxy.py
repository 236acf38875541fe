"""`ssh-proxy`: what the block of `ssh-config` has OpenSSH start as its connection to a session.

OpenSSH reads the key and the known hosts of a login when its connection has begun to speak. So they
are fetched before that, and linked to under the name that the user has typed.
"""

import os
from contextlib import suppress
from pathlib import Path

import click

from atoll import Context, UsageError
from atoll.paths import make_private
from atoll_apps.connect import carry_stdio
from atoll_apps.ssh_client import log_in
from atoll_apps.ssh_login import SERVICE, names_folder
from atoll_apps.tunnel import Target


@click.command()
@click.argument("host")
async def ssh_proxy(context: Context, host: str) -> None:
    """Be OpenSSH's connection to the session that HOST names, with its suffix or without it."""
    if Path(host).name != host:
        raise UsageError(f"{host!r} names no session")
    api = await context.connect()
    login = await log_in(context, api, host.removesuffix(SUFFIX))
    _link(names_folder(context.program.paths) / host, login.folder)
    await carry_stdio(api, Target(session_id=login.session_id, app=SERVICE))


SUFFIX = ".atoll"
"""What the names of sessions end in where they stand among those of hosts."""


def _link(name: Path, folder: Path) -> None:
    make_private(name.parent)
    draft = name.with_name(f".{name.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    draft.symlink_to(folder)
    draft.replace(name)
