"""`atoll profile …`: commands about profiles, which name the cluster to use, and the keys for
it.
"""

from typing import Any

import click
from attrs import evolve

from atoll._colors import color_of
from atoll._context import Context, program_of
from atoll._errors import AtollError, ConfigError, UsageError
from atoll._names import Name
from atoll._profiles import Profile, ProfileStore
from atoll._secrets import Secret
from atoll._target import SeveralProfiles
from atoll.hookspecs import PROFILES
from atoll.output import Column

_COLUMNS = [
    Column("current", "", lambda value: "*" if value else ""),
    Column("name"),
    Column("endpoint"),
    Column("access_key", "Access key"),
    Column("domain"),
    Column("group"),
    Column("endpoint_type", "Mode"),
    Column("protect", "Protected", lambda value: "yes" if value else ""),
]


def _store(context: Context) -> ProfileStore:
    return ProfileStore(context.paths)


def _check_color(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        return value and color_of(value) and value
    except ConfigError as error:
        raise click.BadParameter(str(error), context, param) from None


@click.command()
@click.argument("name")
@click.option("--endpoint", default="", metavar="URL", help="The URL of the cluster's API.")
@click.option(
    "--host",
    default="",
    metavar="USER@HOST",
    help="Use the embedded cluster of this host, over SSH.",
)
@click.option(
    "--engine",
    default="",
    metavar="NAME",
    help="The engine that runs sessions there, such as slurm.",
)
@click.option("--access-key", default="", help="The access key of your keypair.")
@click.option(
    "--secret-key",
    type=Secret(),
    default="",
    help="The secret key; without this option, atoll asks for it, or reads it from standard input.",
)
@click.option(
    "--endpoint-type",
    type=click.Choice(["api", "session"]),
    help="How users are identified: by a keypair (api), or by a login (session).",
)
@click.option("--login", is_flag=True, help="The endpoint is a web server: log in with a password.")
@click.option(
    "-d", "--domain", default="default", show_default=True, help="For what is started there."
)
@click.option(
    "-g", "--group", default="default", show_default=True, help="For what is started there."
)
@click.option(
    "--ca-file", default="", metavar="FILE", help="Trust these certificate authorities too."
)
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@click.option(
    "--via",
    default="",
    metavar="URL",
    help="Reach the cluster through this, e.g. ssh://me@bastion.",
)
@click.option(
    "--transport",
    default="",
    metavar="PLUGIN",
    help="The plugin whose transport to use; atoll plugins lists them.",
)
@click.option(
    "--color",
    callback=_check_color,
    help="The color of its name in the prompt, such as red or '#ff8800'.",
)
@click.option(
    "--protect/--no-protect", default=None, help="Ask before every command that destroys something."
)
async def add(
    context: Context,
    name: str,
    insecure: bool,
    login: bool,
    endpoint_type: str | None,
    host: str,
    engine: str,
    color: str | None,
    protect: bool | None,
    **fields: Any,
) -> None:
    """Add a profile, or change it; --color and --protect stay as they were unless given.

    Name the cluster by its --endpoint, or a machine by --host: there atoll starts its own cluster
    when it is needed, and takes the keys from it.

    The keys are stored in a file that only you can read. With --login there are none: you are asked
    for your e-mail address and password, and only what the cluster gives for them is kept.
    """
    fields |= _location(host, engine, endpoint=fields["endpoint"], via=fields["via"])
    fields["endpoint_type"] = endpoint_type or ("session" if login else "api")
    if login and (fields["access_key"] or fields["endpoint_type"] == "api"):
        raise UsageError(
            "--login is for profiles without a keypair", hint="--endpoint-type session"
        )
    profile = Profile(name=name, verify_tls=not insecure, **fields)
    profile = evolve(profile, **_color_and_protection(_store(context), name, color, protect))
    program_of(context).transports.check(profile)
    if profile.access_key and not profile.secret_key:
        secret_key = (await context.ask("secret key", hidden=True)).strip()
        profile = evolve(profile, secret_key=secret_key)
    _save(context, profile)
    if login:
        context.output.note(f"profile {name} is saved")
        await _log_in(context, name)
    else:
        context.output.note(f"profile {name} is saved; atoll profile test {name} tries it")


def _location(host: str, engine: str, *, endpoint: str, via: str) -> dict[str, str]:
    """Return the `endpoint` and the `via` of a profile; raises UsageError.

    Behind a `via`, `endpoint` is the address as seen from the `via` machine.
    """
    if engine and not host:
        raise UsageError("--engine is for the cluster of a --host")
    if not host:
        if not endpoint:
            raise UsageError("no cluster is given", hint="give --endpoint URL, or --host USER@HOST")
        return {}
    if endpoint or via:
        other = "--endpoint" if endpoint else "--via"
        raise UsageError(f"--host and {other} exclude each other")
    return {"endpoint": "http://localhost", "via": f"host://{host}{engine and f'?engine={engine}'}"}


def _color_and_protection(
    store: ProfileStore, name: str, color: str | None, protect: bool | None
) -> dict[str, Any]:
    """Return the given `color` and `protect`; where one is not given, the profile's present
    value.
    """
    try:
        before = store.load(name)
    except AtollError:
        return {"color": color or "", "protect": bool(protect)}
    return {
        "color": before.color if color is None else color,
        "protect": before.protect if protect is None else protect,
    }


def _save(context: Context, profile: Profile) -> None:
    _store(context).save(profile)
    target = program_of(context).target
    target.saved(profile.name)
    if isinstance(target.choice().problem, SeveralProfiles):
        context.output.note("none of the profiles is in use: atoll profile use NAME chooses one")


async def _log_in(context: Context, name: str) -> None:
    api = await context.connect(name)
    if api.login is None:
        raise AtollError(f"{api.profile.endpoint} has no login")
    who = await api.login.log_in(context.ask)
    context.output.note(f"{who.user} is logged in")


@click.command("list")
async def list_profiles(context: Context) -> None:
    """List the profiles, and those that plugins offer; a star marks the one in use."""
    store = _store(context)
    names = store.names()
    offered = [name for name in _offered(context) if name not in names]
    current = _current(context)
    rows = [_row_of(context, name) for name in names] + [{"name": name} for name in offered]
    await context.output.rows(
        [{"current": row["name"] == current, **row} for row in rows], _COLUMNS
    )


def _current(context: Context) -> str:
    choice = program_of(context).target.choice()
    if isinstance(choice.problem, SeveralProfiles):
        context.output.note(str(choice.problem))
    return choice.name


def _row_of(context: Context, name: str) -> dict[str, object]:
    """Return the row of a profile; if the profile can't be read, only its name."""
    try:
        return _row(_store(context).load(name))
    except AtollError as error:
        context.output.warn(str(error))
        return {"name": name}


def _row(profile: Profile) -> dict[str, object]:
    return {
        "name": profile.name,
        "endpoint": profile.endpoint,
        "endpoint_type": profile.endpoint_type,
        "access_key": profile.access_key,
        "domain": profile.domain,
        "group": profile.group,
        "protect": profile.protect,
    }


def _offered(context: Context) -> list[str]:
    return [provided.record.name for provided in context.collect(PROFILES)]


@click.command()
@click.argument("name", type=Name("profile"))
async def use(context: Context, name: str) -> None:
    """Use a profile from now on, wherever no other is named."""
    _store(context).use(name, _offered(context))
    target = program_of(context).target
    target.used()
    here = "" if target.name == name else f", here it is still {target.name}"
    context.output.note(f"profile {name} is in use{here}")


@click.command()
@click.argument("name", type=Name("profile"))
async def remove(context: Context, name: str) -> None:
    """Delete a profile and its keys."""
    _store(context).remove(name)
    program_of(context).target.removed(name)
    context.output.note(f"profile {name} is removed")


@click.command()
@click.argument("name", required=False, type=Name("profile"))
async def test(context: Context, name: str | None) -> None:
    """Check that the cluster answers and takes the keys."""
    program = program_of(context)
    api = await (program.connect(name, context.output.note) if name else context.connect())
    manager = await api.manager()
    context.output.note(f"{api.profile.endpoint} answers: Backend.AI manager {manager}")
    if not (api.profile.access_key or api.login):
        raise AtollError("the profile holds no access key", hint="its requests are not signed")
    await api.json("GET", "/auth", params={"echo": "atoll"})
    who = await api.login.identity() if api.login else None
    what = f"the login of {who.user} is" if who else f"the keys of {api.profile.access_key} are"
    context.output.note(f"{what} accepted")
