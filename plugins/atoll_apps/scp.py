"""`scp`: files to and from a session."""

import click

from atoll import Context, Name, UsageError
from atoll_apps.ssh_client import log_in, own_program, run, way_in
from atoll_apps.ssh_login import USER
from atoll_apps.ssh_options import as_arguments, login_options, port_options
from atoll_apps.ssh_words import SCP, find_session, flags, take_apart

_SELF = frozenset({"localhost", "127.0.0.1", ""})


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("session", type=Name("session"))
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS] SRC... DST")
async def scp(context: Context, session: str, words: tuple[str, ...]) -> int:
    """Copy files to or from a session, whose paths are written work@localhost:PATH or :PATH.

    OPTIONS are those of scp, such as -r for folders. But -p with a number, or --port, is the local
    port that leads to the session; any that is free otherwise.
    """
    session, given = find_session(SCP, [session, *words])
    taken = take_apart(SCP, given)
    if len(taken.rest) < 2:
        raise UsageError("scp needs a source and a target", hint="atoll scp --help")
    if not any(map(_is_remote, taken.rest)):
        raise UsageError(
            "scp: neither source nor target is in the session", hint="write :PATH for what is there"
        )
    places = [_place(word, session) for word in taken.rest]
    if "r" in flags(SCP, taken.options):
        places[-1] = _without_slash(places[-1])
    api = await context.connect()
    login = await log_in(context, api, session)
    async with way_in(context, api, login, taken.port) as port:
        options = as_arguments({**port_options(port), **login_options(login)})
        start = [*own_program(context, "scp"), *taken.options]
        return await run(context, [*start, *options, "--", *places])


def _place(word: str, session: str) -> str:
    """Return a place as scp shall see it; raises UsageError for a host that is not the session."""
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
    """Return where a folder is copied to without the slash at its end, which says nothing more.

    A server refuses a folder that is yet to be made when it is written with one.
    """
    return place if place.endswith(":/") else place.rstrip("/")


def _is_remote(word: str) -> bool:
    """Whether a word names a place elsewhere: a colon before any slash, as scp sees it."""
    return ":" in word.partition("/")[0]
