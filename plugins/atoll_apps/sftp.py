"""`sftp`: looking through a session's files, and moving them."""

import click

from atoll import Context, Name, UsageError
from atoll_apps.ssh_client import log_in, own_program, run, way_in
from atoll_apps.ssh_options import as_arguments, login_options, port_options
from atoll_apps.ssh_words import SFTP, find_session, take_apart


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("session", type=Name("session"))
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS] [PATH]")
async def sftp(context: Context, session: str, words: tuple[str, ...]) -> int:
    """Look through the files of a session, and move them.

    OPTIONS are those of sftp, such as -b FILE for commands from a file. PATH is where to begin, or
    a file to fetch. A port, by -p or --port, is the local one that leads to the session.
    """
    session, given = find_session(SFTP, [session, *words])
    taken = take_apart(SFTP, given)
    if len(taken.rest) > 1:
        raise UsageError("sftp takes one path", hint="atoll scp copies several")
    path = f":{taken.rest[0]}" if taken.rest else ""
    api = await context.connect()
    login = await log_in(context, api, session)
    async with way_in(context, api, login, taken.port) as port:
        options = as_arguments({**port_options(port), **login_options(login)})
        target = f"work@{login.name}{path}"
        return await run(context, [*own_program(context, "sftp"), *taken.options, *options, target])
