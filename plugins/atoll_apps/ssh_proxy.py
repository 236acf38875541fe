"""`ssh-proxy`: what the block of `ssh-config` has OpenSSH start as its connection to a session.

OpenSSH reads the key and the known hosts of a login when its connection has begun to speak. So they
are fetched before that, and linked to under the name that the user has typed.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import click
import trio

from atoll import AtollError, Context, UsageError
from atoll.files import make_private
from atoll_apps.connect import carry_stdio
from atoll_apps.ssh_client import log_in
from atoll_apps.ssh_login import SERVICE, names_folder
from atoll_apps.tunnel import Target

_VERSION = b"SSH-2.0-atoll\r\n"
_DISCONNECT = 1
_BY_APPLICATION = (11).to_bytes(4, "big")
_BLOCK = 8
_PATIENCE = 5.0
"""Seconds that OpenSSH gets to read why there is no connection."""


@click.command()
@click.argument("host")
async def ssh_proxy(context: Context, host: str) -> None:
    """Be OpenSSH's connection to the session that HOST names, with its suffix or without it."""
    if Path(host).name != host:
        raise UsageError(f"{host!r} names no session")
    try:
        api = await context.connect()
        login = await log_in(context, api, host.removesuffix(SUFFIX))
        _link(names_folder(context.paths) / host, login.folder)
    except AtollError as error:
        sys.stdout.buffer.write(_farewell(str(error)))
        sys.stdout.flush()
        await _let_it_read(sys.stdin.fileno())
        raise
    await carry_stdio(api, Target(session_id=login.session_id, app=SERVICE))


async def _let_it_read(stdin: int) -> None:
    """Take what OpenSSH says until it has read the farewell and hangs up.

    It would find nobody to write to otherwise, and tell of that alone.
    """
    with trio.move_on_after(_PATIENCE), suppress(OSError):
        while True:
            await trio.lowlevel.wait_readable(stdin)
            if not os.read(stdin, 4096):
                return


SUFFIX = ".atoll"
"""What the names of sessions end in where they stand among those of hosts."""


def _farewell(reason: str) -> bytes:
    """Spell out what an SSH server says that disconnects at once (RFC 4253, sections 4.2 and 11.1).

    OpenSSH shows its user this, but nothing of what a connection to be shared writes to standard
    error.
    """
    payload = bytes([_DISCONNECT]) + _BY_APPLICATION + _string(reason) + _string("")
    padding = _BLOCK - (len(payload) + 5) % _BLOCK + _BLOCK
    length = (len(payload) + padding + 1).to_bytes(4, "big")
    return _VERSION + length + bytes([padding]) + payload + bytes(padding)


def _string(text: str) -> bytes:
    return len(text.encode()).to_bytes(4, "big") + text.encode()


def _link(name: Path, folder: Path) -> None:
    make_private(name.parent)
    draft = name.with_name(f".{name.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    draft.symlink_to(folder)
    draft.replace(name)
