"""`ssh`: opens a shell or runs a command in a session."""

import click

from atoll import Context, Name
from atoll_apps.ssh.arguments import SSH, CommandLine, find_session, flags, parse_command_line
from atoll_apps.ssh.clients import (
    configured_program,
    connect_command,
    login_port,
    prepare_login,
    run,
)
from atoll_apps.ssh.options import as_arguments, command_options, login_options, port_options

_FLAGS_THAT_STAY = frozenset("fMO")
"""Options with which the connection stays open or is shared after ssh has returned."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("session", type=Name("session"))
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS] [COMMAND [ARG]...]")
async def ssh(context: Context, session: str, words: tuple[str, ...]) -> int:
    """Open a shell in a session by SSH, or run a command there.

    OPTIONS are those of ssh, except that -p PORT is the local port that is forwarded to the
    session; without it, any free one. The exit code is that of ssh, which is that of the command.
    """
    session, given = find_session(SSH, [session, *words])
    parsed = parse_command_line(SSH, given)
    api = await context.connect()
    login = await prepare_login(context, api, session)
    start = [*configured_program(context, "ssh"), *parsed.options]
    rest = [f"work@{login.name}", *parsed.rest]
    if _may_outlive(parsed):
        proxy = command_options(connect_command(api.profile.name, login.session_id))
        return await run(context, [*start, *as_arguments({**proxy, **login_options(login)}), *rest])
    async with login_port(context, api, login, parsed.port) as port:
        options = {**port_options(port), **login_options(login)}
        return await run(context, [*start, *as_arguments(options), *rest])


def _may_outlive(words: CommandLine) -> bool:
    """Whether the connection may continue in the background; then it needs its own tunnel."""
    shared = any("control" in option.lower() for option in words.options)
    return shared or bool(_FLAGS_THAT_STAY & flags(SSH, words.options))
