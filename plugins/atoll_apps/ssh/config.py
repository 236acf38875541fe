"""`ssh-config`: makes sessions hosts of OpenSSH and of programs that use it."""

import difflib
import os
import tempfile
from pathlib import Path

import click

from atoll import AtollError, Context
from atoll.files import make_private
from atoll_apps.ssh.clients import own_command
from atoll_apps.ssh.config_block import Block, read, with_block, without_block, write
from atoll_apps.ssh.login import names_folder, ssh_folder
from atoll_apps.ssh.proxy_command import SUFFIX

_LONGEST_SOCKET = 104 - len("/") - 40 - len(".0123456789abcdef")
"""The longest path of a folder of sockets, in bytes, given the length of the names that OpenSSH
appends.
"""


@click.command()
@click.option(
    "-F",
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of ~/.ssh/config.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, without changing it.")
@click.option("--remove", is_flag=True, help="Remove the block again.")
async def ssh_config(context: Context, file: Path | None, dry_run: bool, remove: bool) -> None:
    """Configure OpenSSH to connect to sessions by name: ssh SESSION.atoll, and scp, rsync or git.

    Writes a block to ~/.ssh/config, or replaces an older one; the rest of the file stays. The block
    names no session, so it also works for future ones.
    """
    file = file or Path.home() / ".ssh" / "config"
    before = read(file)
    after = without_block(before) if remove else with_block(before, _block(context).text())
    if dry_run:
        _show(context, file, before, after)
    elif after == before:
        context.output.note(f"{file} is up to date")
    else:
        write(file, after)
        done = "has no sessions any more" if remove else f"is ready: ssh SESSION{SUFFIX}"
        context.output.note(f"{file} {done}")


def _block(context: Context) -> Block:
    home = context.environ.get("ATOLL_HOME")
    within = ["env", f"ATOLL_HOME={Path(home).expanduser().absolute()}"] if home else []
    profile = context.profile_name or ""
    return Block(
        suffix=SUFFIX,
        proxy=[*within, *own_command(profile), "ssh-proxy"],
        names=names_folder(context.paths),
        sockets=_sockets(ssh_folder(context.paths)),
    )


def _sockets(folder: Path) -> str:
    """Return the beginning of the paths of sockets: in the state folder, or if that path is too
    long, in a private folder among the temporary files.
    """
    if len(os.fsencode(folder)) > _LONGEST_SOCKET:
        folder = Path(tempfile.gettempdir()) / f"atoll-ssh-{os.getuid()}"
    # In the folder of temporary files, another account may have created this folder before.
    found = make_private(folder).lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise AtollError(f"{folder} is not private to you", hint="remove it")
    return f"{folder}/"


def _show(context: Context, file: Path, before: str, after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(file), str(file)
    )
    context.output.stream("stdout", "".join(lines))
