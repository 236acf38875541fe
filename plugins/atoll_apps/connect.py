"""`connect`: a tunnel on standard input and output, as OpenSSH's ProxyCommand wants one."""

import os
import select
import stat
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import click
import trio
from attrs import evolve

from atoll import AtollError, Context, Name, NotFound, Unreachable
from atoll.transport import ByteStream, ChannelClosed
from atoll_apps.arguments import parse_arguments, parse_environment, start_options
from atoll_apps.tunnel import Target, open_tunnel

if TYPE_CHECKING:
    from atoll import Api

_PIECE = 256 * 1024
_NOBODY_LISTENS = 1013
_LOOK_EVERY = 0.2


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("app", type=Name("app"))
@start_options
async def connect(
    context: Context, session: str, app: str, arguments: tuple[str, ...], env: tuple[str, ...]
) -> None:
    """Connect standard input and output to a service of a session.

    For programs that want a command as their connection, such as
    ssh -o ProxyCommand="atoll connect SESSION sshd" work@SESSION.
    """
    target = Target(
        session_id=session,
        app=app,
        arguments=parse_arguments(arguments),
        envs=parse_environment(env),
    )
    api = await context.connect()
    try:
        await carry_stdio(api, target)
    except NotFound:
        # Most often a name is good enough for the cluster, which saves asking it for the id.
        from atoll_sessions.api import find_session

        found = await find_session(api, session)
        if found.id == session:
            raise
        await carry_stdio(api, evolve(target, session_id=found.id))


async def carry_stdio(api: "Api", target: Target) -> None:
    """Pass standard input and output through a tunnel to its end.

    Raises what :func:`open_tunnel` does, and Unreachable when the tunnel breaks.
    """
    async with open_tunnel(api, target) as tunnel:
        failure = await _carry(tunnel, sys.stdin.fileno(), sys.stdout.fileno())
    if failure is not None and isinstance(failure.__cause__, ChannelClosed):
        _explain(target, failure.__cause__)


def _explain(target: Target, closed: ChannelClosed) -> None:
    """Raise what tells why a tunnel broke; one closed without a word has ended, on 23.09."""
    if closed.code == _NOBODY_LISTENS:
        raise AtollError(f"nothing listens at {target.app} of session {target.session_id}")
    if closed.code is not None:
        raise Unreachable(f"the connection to {target.app} was lost")


async def _carry(tunnel: ByteStream, stdin: int, stdout: int) -> trio.BrokenResourceError | None:
    """Pass bytes both ways until the service ends, or whoever reads its bytes has left.

    Returns what broke, if anything did.
    """
    failure = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_send_up, tunnel, stdin, stdout, nursery.cancel_scope)
        try:
            await _bring_down(tunnel, stdout)
        except trio.BrokenResourceError as error:
            failure = error
        nursery.cancel_scope.cancel()
    return failure


async def _bring_down(tunnel: ByteStream, stdout: int) -> None:
    if _is_file(stdout):
        while piece := await tunnel.receive_some():
            os.write(stdout, piece)
        return
    async with trio.lowlevel.FdStream(os.dup(stdout)) as sink:
        await tunnel.copy_to(sink)


async def _send_up(
    tunnel: ByteStream, stdin: int, stdout: int, everything: trio.CancelScope
) -> None:
    try:
        if _is_file(stdin):
            await tunnel.copy_from(_pieces(stdin))
        else:
            async with trio.lowlevel.FdStream(os.dup(stdin)) as source:
                await tunnel.copy_from(source)
        await tunnel.send_eof()
    except trio.BrokenResourceError:
        return  # why, is found where bytes come from
    while not _has_no_reader(stdout):  # noqa: ASYNC110  # no event tells
        await trio.sleep(_LOOK_EVERY)
    everything.cancel()


def _is_file(descriptor: int) -> bool:
    """Whether this is a file on disk, which never blocks, and which epoll refuses."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


async def _pieces(descriptor: int) -> AsyncIterator[bytes]:
    while piece := os.read(descriptor, _PIECE):
        yield piece


def _has_no_reader(descriptor: int) -> bool:
    """Whether a pipe's other end has been closed."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
