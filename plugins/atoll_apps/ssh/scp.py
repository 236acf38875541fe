"""`scp`: copies files to and from a session."""

import click

from atoll import Context, Name, UsageError
from atoll_apps.ssh.arguments import SCP, find_session, flags, parse_command_line
from atoll_apps.ssh.clients import configured_program, login_port, prepare_login, run
from atoll_apps.ssh.login import USER
from atoll_apps.ssh.options import as_arguments, login_options, port_options

_SELF = frozenset({"localhost", "127.0.0.1", ""})


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("session", type=Name("session"))
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS] SRC... DST")
async def scp(context: Context, session: str, words: tuple[str, ...]) -> int:
    """Copy files to or from a session, where a path is written work@localhost:PATH or :PATH.

    OPTIONS are those of scp, such as -r for folders. But -p with a number, or --port, is the local
    port that is forwarded to the session; without it, any free one.
    """
    session, given = find_session(SCP, [session, *words])
    parsed = parse_command_line(SCP, given)
    if len(parsed.rest) < 2:
        raise UsageError("scp needs a source and a target", hint="atoll scp --help")
    if not any(map(_is_remote, parsed.rest)):
        raise UsageError(
            "scp: neither source nor target is in the session",
            hint="write :PATH for a path in the session",
        )
    paths = [_remote_path(word, session) for word in parsed.rest]
    if "r" in flags(SCP, parsed.options):
        paths[-1] = _without_slash(paths[-1])
    api = await context.connect()
    login = await prepare_login(context, api, session)
    async with login_port(context, api, login, parsed.port) as port:
        options = as_arguments({**port_options(port), **login_options(login)})
        start = [*configured_program(context, "scp"), *parsed.options]
        return await run(context, [*start, *options, "--", *paths])


def _remote_path(word: str, session: str) -> str:
    """Return a path as scp needs it; raises UsageError for a host that is not the session."""
    if not _is_remote(word):
        return word
    where, _, path = word.partition(":")
    user, at, host = where.rpartition("@")
    if host not in _SELF and host != session:
        raise UsageError(
            f"scp: {host} is not session {session}", hint=f"write work@localhost:{path}"
        )
    return f"{user if at else USER}@localhost:{path}"


def _without_slash(place: str) -> str:
    """Return the path of a target folder without the slash at its end.

    With the slash, servers refuse a folder that does not exist yet.
    """
    return place if place.endswith(":/") else place.rstrip("/")


def _is_remote(word: str) -> bool:
    """Whether scp takes a word for a remote path, which has a colon before the first slash."""
    return ":" in word.partition("/")[0]
