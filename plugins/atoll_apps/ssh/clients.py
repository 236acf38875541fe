"""Runs ssh, scp and sftp: OpenSSH's if they are installed, otherwise the built-in ones."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import trio

from atoll import ENVIRONMENT, AtollError, Context
from atoll_apps.api import Bind, Service, Target, forward
from atoll_apps.ports.listeners import listening
from atoll_apps.ssh.login import SERVICE, Login, prepare, public_keys
from atoll_apps.tunnel.connector import Connector
from atoll_apps.tunnel.service_start import wait_until_ready

if TYPE_CHECKING:
    from atoll import Api

_SCAN_TIMEOUT = "10"
_SCANS = 3
_SERVER_TIMEOUT = 30.0
_LOOPBACK = "127.0.0.1"
_SIGNALLED = 128


def program(name: str, client: str = "auto") -> list[str]:
    """Return the command that starts ssh, scp, sftp or ssh-keyscan.

    `client` is the setting `ssh.client`; raises AtollError if it is `openssh` and that is missing.
    """
    found = shutil.which(name)
    if client == "openssh" and found is None:
        raise AtollError(f"{name} is not installed", hint="install the clients of OpenSSH")
    if found is not None and client != "builtin":
        return [found]
    return [sys.executable, "-P", "-m", "atoll_ssh", name]


def configured_program(context: Context, name: str) -> list[str]:
    """Return the command that starts a client, as the settings say."""
    return program(name, context.settings["ssh.client"])


async def prepare_login(context: Context, api: "Api", reference: str) -> Login:
    """Prepare a login to a session; see :func:`atoll_apps.ssh.login.prepare`."""
    return await prepare(api, context.paths, reference, partial(_scan, context, api))


async def _scan(context: Context, api: "Api", session_id: str) -> str:
    """Ask the SSH server of a session for its keys through a tunnel; returns known_hosts lines.

    Managers start the server at the first connection, which is slow on a busy machine.
    """
    connector = Connector(api, Target(session_id=session_id, app=SERVICE), context.output.warn)
    keys = ""
    async with tunnel(context, api, session_id) as port:
        for _ in range(_SCANS):
            await wait_until_ready(connector, Service(name=SERVICE), _SERVER_TIMEOUT)
            if keys := await _keys_at(context, port):
                break
    return keys


async def _keys_at(context: Context, port: int) -> str:
    """Return the keys of the SSH server at a local port, as known_hosts lines."""
    options = ["-T", _SCAN_TIMEOUT, "-p", str(port)]
    command = [*configured_program(context, "ssh-keyscan"), *options, _LOOPBACK]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return done.stdout.decode(errors="replace").strip()


@asynccontextmanager
async def tunnel(
    context: Context, api: "Api", session_id: str, port: int = 0
) -> AsyncIterator[int]:
    """Forward a local port to the SSH server of a session; yields the port, any free one for 0."""
    target = Target(session_id=session_id, app=SERVICE)
    async with trio.open_nursery() as nursery:
        start = partial(forward, api, target, Bind(port=port), context.output.warn)
        yield await nursery.start(start)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def login_port(context: Context, api: "Api", login: Login, port: int) -> AsyncIterator[int]:
    """Forward a local port to the SSH server of a session, as :func:`tunnel` does.

    If the port is already forwarded to this server, it is used. This is recognized by the session's
    public key, which the server at the port shows; OpenSSH verifies that the server has the private
    key.
    """
    if port and await _is_tunnel_to(context, login, port):
        yield port
        return
    async with tunnel(context, api, login.session_id, port) as found:
        yield found


async def _is_tunnel_to(context: Context, login: Login, port: int) -> bool:
    try:
        async with listening(Bind(port=port)):
            return False
    except AtollError:
        shown = public_keys(await _keys_at(context, port))
    return not shown.isdisjoint(public_keys(login.known_hosts.read_text(encoding="utf-8")))


def connect_command(profile: str, session_id: str) -> str:
    """Return the shell command that connects to the SSH server of a session."""
    return shlex.join([*own_command(profile), "connect", session_id, SERVICE])


def own_command(profile: str = "") -> list[str]:
    """Return the command that starts this program with a profile."""
    script = Path(sys.executable).with_name("atoll")
    start = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "atoll"]
    # A profile that is defined by environment variables has no name; the command inherits it.
    return [*start, "--profile", profile] if profile not in {"", ENVIRONMENT} else start


async def run(context: Context, command: Sequence[str]) -> int:
    """Run a program on our terminal and streams, and let it handle Ctrl-C; returns its exit code.

    For a program that was killed, the code is 128 and the signal, as in a shell.
    """
    async with (
        context.lends_terminal(),
        context.interrupts() as presses,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_ignore, presses)
        done = await trio.run_process(
            command,
            stdin=_stdin(context),
            stdout=_descriptor(context.output.stdout),
            check=False,
        )
        nursery.cancel_scope.cancel()
    return done.returncode if done.returncode >= 0 else _SIGNALLED - done.returncode


async def _ignore(presses: AsyncIterator[int]) -> None:
    async for _ in presses:
        pass


def _stdin(context: Context) -> IO[str] | int:
    return subprocess.DEVNULL if context.stdin.file is None else context.stdin.file


def _descriptor(file: IO[str]) -> int | None:
    file.flush()
    try:
        return file.fileno()
    except OSError:
        return None
