"""`ssh-config`: sessions as hosts of OpenSSH, and so of all that builds on it."""

import difflib
import os
import tempfile
from pathlib import Path

import click

from atoll import AtollError, Context
from atoll.files import make_private
from atoll_apps.ssh_client import ourselves
from atoll_apps.ssh_config_block import Block, read, with_block, without_block, write
from atoll_apps.ssh_login import names_folder, ssh_folder
from atoll_apps.ssh_proxy import SUFFIX

_LONGEST_SOCKET = 104 - len("/") - 40 - len(".0123456789abcdef")
"""What the system lets a socket's path be, less the hash and what OpenSSH adds while it listens."""


@click.command()
@click.option(
    "-F",
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file rather than ~/.ssh/config.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--remove", is_flag=True, help="Take the block out again.")
async def ssh_config(context: Context, file: Path | None, dry_run: bool, remove: bool) -> None:
    """Make hosts of sessions: ssh SESSION.atoll, and scp, rsync, git and editors likewise.

    Writes a block to ~/.ssh/config, in place of an older one; all else in the file stays. It names
    no session: those to come are hosts too.
    """
    file = file or Path.home() / ".ssh" / "config"
    before = read(file)
    after = without_block(before) if remove else with_block(before, _block(context).text())
    if dry_run:
        _show(context, file, before, after)
    elif after == before:
        context.output.note(f"{file} is as it should be")
    else:
        write(file, after)
        told = "has no sessions any more" if remove else f"knows sessions: ssh SESSION{SUFFIX}"
        context.output.note(f"{file} {told}")


def _block(context: Context) -> Block:
    home = context.environ.get("ATOLL_HOME")
    within = ["env", f"ATOLL_HOME={Path(home).expanduser().absolute()}"] if home else []
    profile = context.profile_name or ""
    return Block(
        suffix=SUFFIX,
        proxy=[*within, *ourselves(profile), "ssh-proxy"],
        names=names_folder(context.paths),
        sockets=_sockets(ssh_folder(context.paths)),
    )


def _sockets(folder: Path) -> str:
    """Return how paths of sockets begin: in the state folder, or where its path is too long for
    that, in one of the user's own among temporary files.
    """
    if len(os.fsencode(folder)) > _LONGEST_SOCKET:
        folder = Path(tempfile.gettempdir()) / f"atoll-ssh-{os.getuid()}"
    # Anybody may have made a folder among temporary files, to be found there by others.
    found = make_private(folder).lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise AtollError(f"{folder} is not private to you", hint="remove it")
    return f"{folder}/"


def _show(context: Context, file: Path, before: str, after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(file), str(file)
    )
    context.output.stream("stdout", "".join(lines))
