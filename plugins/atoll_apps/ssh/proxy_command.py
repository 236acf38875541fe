"""`ssh-proxy`: the command that OpenSSH starts to connect to a session, as `ssh-config` has set.

OpenSSH reads the private key and the host keys after the server has sent its first line. So this
command fetches them before it passes that line on, and links them under the name that the user has
typed.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import click
import trio

from atoll import AtollError, Context, UsageError
from atoll.files import make_private
from atoll_apps.connect import forward_stdio
from atoll_apps.ssh.clients import prepare_login
from atoll_apps.ssh.login import SERVICE, names_folder
from atoll_apps.tunnel.target import Target

_VERSION = b"SSH-2.0-atoll\r\n"
_DISCONNECT = 1
_BY_APPLICATION = (11).to_bytes(4, "big")
_BLOCK = 8
_READ_TIMEOUT = 5.0
"""Seconds that OpenSSH has to read the message which says why there is no connection."""


@click.command()
@click.argument("host")
async def ssh_proxy(context: Context, host: str) -> None:
    """Connect OpenSSH to the session that HOST names, with or without its suffix."""
    if Path(host).name != host:
        raise UsageError(f"{host!r} names no session")
    try:
        api = await context.connect()
        login = await prepare_login(context, api, host.removesuffix(SUFFIX))
        _link(names_folder(context.paths) / host, login.folder)
    except AtollError as error:
        sys.stdout.buffer.write(_disconnect_message(str(error)))
        sys.stdout.flush()
        await _drain(sys.stdin.fileno())
        raise
    await forward_stdio(api, Target(session_id=login.session_id, app=SERVICE))


async def _drain(stdin: int) -> None:
    """Read what OpenSSH sends until it has read our message and closes.

    If we closed the connection first, OpenSSH could not write, and would report that instead of our
    message.
    """
    with trio.move_on_after(_READ_TIMEOUT), suppress(OSError):
        while True:
            await trio.lowlevel.wait_readable(stdin)
            if not os.read(stdin, 4096):
                return


SUFFIX = ".atoll"
"""The end of a session's name when it is used as a host."""


def _disconnect_message(reason: str) -> bytes:
    """Return the bytes of an SSH server that disconnects at once (RFC 4253, sections 4.2 and 11.1).

    OpenSSH shows their message to its user, but hides the standard error of a shared connection.
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
