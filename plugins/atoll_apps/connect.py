"""`connect`: a tunnel on standard input and output, for OpenSSH's ProxyCommand."""

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
from atoll_apps.tunnel.target import Target, open_tunnel

if TYPE_CHECKING:
    from atoll import Api

_CHUNK_SIZE = 256 * 1024
_NOBODY_LISTENS = 1013
_CHECK_INTERVAL = 0.2


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("app", type=Name("app"))
@start_options
async def connect(
    context: Context, session: str, app: str, arguments: tuple[str, ...], env: tuple[str, ...]
) -> None:
    """Connect standard input and output to a service of a session.

    For programs that connect through a command, such as
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
        await forward_stdio(api, target)
    except NotFound:
        # Most names work without looking up the session's id, which saves a request.
        from atoll_sessions.api import find_session

        found = await find_session(api, session)
        if found.id == session:
            raise
        await forward_stdio(api, evolve(target, session_id=found.id))


async def forward_stdio(api: "Api", target: Target) -> None:
    """Forward standard input and output through a tunnel until it ends.

    Raises what :func:`open_tunnel` does, and Unreachable when the tunnel breaks.
    """
    async with open_tunnel(api, target) as tunnel:
        failure = await _forward(tunnel, sys.stdin.fileno(), sys.stdout.fileno())
    if failure is not None and isinstance(failure.__cause__, ChannelClosed):
        _explain(target, failure.__cause__)


def _explain(target: Target, closed: ChannelClosed) -> None:
    """Raise the reason why a tunnel broke. On 23.09, a tunnel that ends in order has no code."""
    if closed.code == _NOBODY_LISTENS:
        raise AtollError(f"nothing listens at {target.app} of session {target.session_id}")
    if closed.code is not None:
        raise Unreachable(f"the connection to {target.app} was lost")


async def _forward(tunnel: ByteStream, stdin: int, stdout: int) -> trio.BrokenResourceError | None:
    """Copy bytes both ways until the service closes the tunnel, or nobody reads standard output any
    more.

    Returns the error of the side that broke, if any.
    """
    failure = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_copy_up, tunnel, stdin, stdout, nursery.cancel_scope)
        try:
            await _copy_down(tunnel, stdout)
        except trio.BrokenResourceError as error:
            failure = error
        nursery.cancel_scope.cancel()
    return failure


async def _copy_down(tunnel: ByteStream, stdout: int) -> None:
    if _is_file(stdout):
        while piece := await tunnel.receive_some():
            os.write(stdout, piece)
        return
    async with trio.lowlevel.FdStream(os.dup(stdout)) as sink:
        await tunnel.copy_to(sink)


async def _copy_up(
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
        return  # the task of the other direction raises the reason
    while not _has_no_reader(stdout):  # noqa: ASYNC110  # no event tells
        await trio.sleep(_CHECK_INTERVAL)
    everything.cancel()


def _is_file(descriptor: int) -> bool:
    """Whether this is a regular file, which never blocks and which epoll does not accept."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


async def _pieces(descriptor: int) -> AsyncIterator[bytes]:
    while piece := os.read(descriptor, _CHUNK_SIZE):
        yield piece


def _has_no_reader(descriptor: int) -> bool:
    """Whether the reading end of a pipe has been closed."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
