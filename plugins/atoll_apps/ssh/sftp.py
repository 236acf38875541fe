"""`sftp`: browses and moves the files of a session."""

import click

from atoll import Context, Name, UsageError
from atoll_apps.ssh.arguments import SFTP, find_session, parse_command_line
from atoll_apps.ssh.clients import configured_program, login_port, prepare_login, run
from atoll_apps.ssh.options import as_arguments, login_options, port_options


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("session", type=Name("session"))
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS] [PATH]")
async def sftp(context: Context, session: str, words: tuple[str, ...]) -> int:
    """Browse and move the files of a session.

    OPTIONS are those of sftp, such as -b FILE for commands from a file. PATH is a folder to begin
    in, or a file to download. -p PORT or --port is the local port that is forwarded to the session.
    """
    session, given = find_session(SFTP, [session, *words])
    parsed = parse_command_line(SFTP, given)
    if len(parsed.rest) > 1:
        raise UsageError("sftp takes one path", hint="atoll scp copies several")
    path = f":{parsed.rest[0]}" if parsed.rest else ""
    api = await context.connect()
    login = await prepare_login(context, api, session)
    async with login_port(context, api, login, parsed.port) as port:
        options = as_arguments({**port_options(port), **login_options(login)})
        target = f"work@{login.name}{path}"
        return await run(
            context, [*configured_program(context, "sftp"), *parsed.options, *options, target]
        )
