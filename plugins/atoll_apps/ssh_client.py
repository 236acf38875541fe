"""Running ssh, scp and sftp: OpenSSH's where they are found, the built-in ones elsewhere."""

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
from atoll_apps.binding import listening
from atoll_apps.connector import Connector
from atoll_apps.readiness import wait_until_ready
from atoll_apps.ssh_login import SERVICE, Login, prepare, public_keys

if TYPE_CHECKING:
    from atoll import Api

_SCAN_PATIENCE = "10"
_SCANS = 3
_SERVER_PATIENCE = 30.0
_LOOPBACK = "127.0.0.1"
_SIGNALLED = 128


def program(name: str, client: str = "auto") -> list[str]:
    """Return the words that start ssh, scp, sftp or ssh-keyscan.

    `client` is the setting `ssh.client`; raises AtollError where it asks for what is missing.
    """
    found = shutil.which(name)
    if client == "openssh" and found is None:
        raise AtollError(f"there is no {name} here", hint="install OpenSSH's clients")
    if found is not None and client != "builtin":
        return [found]
    return [sys.executable, "-P", "-m", "atoll_ssh", name]


def own_program(context: Context, name: str) -> list[str]:
    """Return the words that start a client as the user has set."""
    return program(name, context.settings["ssh.client"])


async def log_in(context: Context, api: "Api", reference: str) -> Login:
    """Have all that a login to a session takes; see :func:`atoll_apps.ssh_login.prepare`."""
    return await prepare(api, context.paths, reference, partial(_scan, context, api))


async def _scan(context: Context, api: "Api", session_id: str) -> str:
    """Ask the SSH server of a session for its keys, over the API; returns lines of known hosts.

    Managers start the server at the first connection, and on a busy machine it takes its time.
    """
    connector = Connector(api, Target(session_id=session_id, app=SERVICE), context.output.warn)
    keys = ""
    async with tunnel(context, api, session_id) as port:
        for _ in range(_SCANS):
            await wait_until_ready(connector, Service(name=SERVICE), _SERVER_PATIENCE)
            if keys := await _keys_at(context, port):
                break
    return keys


async def _keys_at(context: Context, port: int) -> str:
    """Return the keys of the SSH server at a local port, as lines of known hosts."""
    options = ["-T", _SCAN_PATIENCE, "-p", str(port)]
    command = [*own_program(context, "ssh-keyscan"), *options, _LOOPBACK]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return done.stdout.decode(errors="replace").strip()


@asynccontextmanager
async def tunnel(
    context: Context, api: "Api", session_id: str, port: int = 0
) -> AsyncIterator[int]:
    """Have a local port lead to a session's SSH server; gives the port, any free one for 0."""
    target = Target(session_id=session_id, app=SERVICE)
    async with trio.open_nursery() as nursery:
        start = partial(forward, api, target, Bind(port=port), context.output.warn)
        yield await nursery.start(start)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def way_in(context: Context, api: "Api", login: Login, port: int) -> AsyncIterator[int]:
    """Have a local port lead to where one logs in, as :func:`tunnel` does.

    One that leads there already is used: what answers there shows the session's own key. That it
    has it, OpenSSH makes sure.
    """
    if port and await _leads_to(context, login, port):
        yield port
        return
    async with tunnel(context, api, login.session_id, port) as found:
        yield found


async def _leads_to(context: Context, login: Login, port: int) -> bool:
    try:
        async with listening(Bind(port=port)):
            return False
    except AtollError:
        shown = public_keys(await _keys_at(context, port))
    return not shown.isdisjoint(public_keys(login.known_hosts.read_text(encoding="utf-8")))


def connect_command(profile: str, session_id: str) -> str:
    """Return the shell command that is a connection to a session's SSH server."""
    return shlex.join([*ourselves(profile), "connect", session_id, SERVICE])


def ourselves(profile: str = "") -> list[str]:
    """Return the words that start this program for a command with a profile."""
    script = Path(sys.executable).with_name("atoll")
    start = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "atoll"]
    # What the environment describes is inherited, and has no name to be called by.
    return [*start, "--profile", profile] if profile not in {"", ENVIRONMENT} else start


async def run(context: Context, command: Sequence[str]) -> int:
    """Run a program in our place: its streams are ours, Ctrl-C is its own; returns its exit code.

    A program that was killed has the code that a shell would give it.
    """
    async with context.interrupts() as presses, trio.open_nursery() as nursery:
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
