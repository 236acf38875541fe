"""`login`, `logout` and `whoami`: the user, and the cluster."""

from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, UsageError
from atoll.output import Column
from atoll.reading import maybe

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Login

_COLUMNS = [
    Column("email", "E-mail"),
    Column("username", "User name"),
    Column("role"),
    Column("domain_name", "Domain"),
    Column("groups", show=", ".join),
    Column("access_key", "Access key"),
    Column("resource_policy", "Resource policy"),
    Column("mode"),
    Column("profile"),
    Column("endpoint"),
]
_QUERY = """query {
  user { email username role domain_name groups { name } }
  keypair { access_key resource_policy }
}"""
_LIKE = {
    "user": maybe(
        {
            "email": str,
            "username": maybe(str),
            "role": maybe(str),
            "domain_name": maybe(str),
            "groups": maybe([{"name": str}]),
        }
    ),
    "keypair": maybe({"access_key": str, "resource_policy": maybe(str)}),
}


@click.command()
@click.argument("name", required=False, type=Name("profile"))
async def login(context: Context, name: str | None) -> None:
    """Log in to a web server, by e-mail address and password.

    For profiles made with `atoll profile add NAME --endpoint URL --login`, and for
    BACKEND_ENDPOINT_TYPE=session. You are asked for both, and for a one-time code or another
    password when the cluster wants that; in a script, standard input answers line by line. The
    password is not kept.
    """
    api = await _connect(context, name)
    who = await _login_of(api).log_in(context.ask)
    context.output.note(f"{who.user} is logged in at {api.profile.endpoint}")


@click.command()
@click.argument("name", required=False, type=Name("profile"))
async def logout(context: Context, name: str | None) -> None:
    """Log out of a web server, and delete the stored login."""
    api = await _connect(context, name)
    logged_in = _login_of(api)
    who = await logged_in.identity()
    await logged_in.log_out()
    message = f"{who.user} is logged out of" if who else "nobody is logged in at"
    context.output.note(f"{message} {api.profile.endpoint}")


@click.command()
async def whoami(context: Context) -> None:
    """Show as whom you work: user, role, domain, groups and keypair."""
    api = await context.connect()
    found = await api.gql(_QUERY, like=_LIKE)
    context.output.item(_row(api, found["user"] or {}, found["keypair"] or {}), _COLUMNS)


def _row(api: "Api", user: dict[str, Any], keypair: dict[str, Any]) -> dict[str, Any]:
    profile = api.profile
    return {
        **user,
        "groups": [group["name"] for group in user.get("groups") or ()],
        **keypair,
        "mode": "login" if api.login else "keypair",
        "profile": profile.name,
        "endpoint": profile.endpoint,
    }


async def _connect(context: Context, name: str | None) -> "Api":
    if name is None:
        return await context.connect()
    return await context.connect(name)


def _login_of(api: "Api") -> "Login":
    """Return the login of a profile; raises UsageError if the profile has none."""
    if api.login is None:
        raise UsageError(
            f"profile {api.profile.name} signs its requests with a keypair: it has no login",
            hint="atoll profile add NAME --endpoint URL --login is for web servers",
        )
    return api.login
