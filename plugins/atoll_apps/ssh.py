"""`ssh`: a shell, or a command, in a session."""

import click

from atoll import Context, Name
from atoll_apps.ssh_client import connect_command, log_in, own_program, run, way_in
from atoll_apps.ssh_options import as_arguments, command_options, login_options, port_options
from atoll_apps.ssh_words import SSH, Words, find_session, flags, take_apart

_OUTLIVES = frozenset("fMO")
"""Flags of connections that go on, or are met again, when ssh has returned."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("session", type=Name("session"))
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS] [COMMAND [ARG]...]")
async def ssh(context: Context, session: str, words: tuple[str, ...]) -> int:
    """Open a shell in a session by SSH, or run a command there.

    All OPTIONS but one are those of ssh: -p PORT is the local port that leads to the session, any
    that is free otherwise. The exit code is that of ssh, which is that of the command.
    """
    session, given = find_session(SSH, [session, *words])
    taken = take_apart(SSH, given)
    api = await context.connect()
    login = await log_in(context, api, session)
    start = [*own_program(context, "ssh"), *taken.options]
    rest = [f"work@{login.name}", *taken.rest]
    if _outlives_us(taken):
        way = command_options(connect_command(api.profile.name, login.session_id))
        return await run(context, [*start, *as_arguments({**way, **login_options(login)}), *rest])
    async with way_in(context, api, login, taken.port) as port:
        options = {**port_options(port), **login_options(login)}
        return await run(context, [*start, *as_arguments(options), *rest])


def _outlives_us(words: Words) -> bool:
    """Whether the connection may go on in the background, where it needs a tunnel of its own."""
    shared = any("control" in option.lower() for option in words.options)
    return shared or bool(_OUTLIVES & flags(SSH, words.options))
