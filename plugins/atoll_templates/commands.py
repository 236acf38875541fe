"""`session-template create`, `list`, `get`, `update` and `delete`."""

from pathlib import Path
from typing import Any

import click

from atoll import Context, Name, UsageError, yes_option
from atoll.output import Column, age, local_time
from atoll_sessions.api import owner_option
from atoll_templates.api import (
    find_template,
    get_content,
    hides_password,
    readable,
    with_password,
)
from atoll_templates.api import list_templates as stored_templates
from atoll_templates.document import MOST_BYTES, Document, read_sound
from atoll_vfolders.api import read_text_input

_ID = Column("id", "Template ID", keep=True)
_COLUMNS = [
    _ID,
    Column("name", keep=True),
    Column("image"),
    Column("created_at", "Created", local_time, brief=age),
    Column("is_owner", "Yours", lambda yours: "yes" if yours else "no"),
    Column("user_email", "Owner"),
    Column("group_name", "Group"),
    Column("domain_name", "Domain"),
]
_FILE = click.option(
    "-f",
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; standard input by default.",
)
_OWNER = owner_option("A template of another user.")
_TEMPLATE = click.argument("template_id", type=Name("session-template"))


@click.command()
@_FILE
@click.option("-d", "--domain", help="The domain; the profile's otherwise.")
@click.option("-g", "--group", help="The group; the profile's otherwise.")
@_OWNER
async def create(
    context: Context, file: Path | None, domain: str | None, group: str | None, owner: str | None
) -> None:
    """Store the templates in a file, once nothing is wrong with them; their ids are the answer."""
    document = await _read(context, file)
    if hides_password(document.templates):
        raise UsageError("the password of the git credential is hidden", hint="write it out")
    api = await context.connect()
    body = _body(api.profile, document, domain, group, owner)
    made = await api.json("POST", "/template/session", json=body, like=[{"id": str}])
    rows = [
        {"id": one["id"].replace("-", ""), "name": name}
        for one, name in zip(made, document.names, strict=False)
    ]
    await context.output.rows(rows, [_ID, Column("name")])


async def _read(context: Context, file: Path | None) -> Document:
    return read_sound(
        await read_text_input(context, file, MOST_BYTES),
        "standard input" if file is None else str(file),
    )


def _body(
    profile: Any, document: Document, domain: str | None, group: str | None, owner: str | None
) -> dict[str, Any]:
    import json

    body = {
        # The template is sent as JSON, which every release tries to parse first. There is no form
        # of YAML that all releases can read.
        "payload": json.dumps(document.templates),
        "group": group or profile.group,
        "domain": domain or profile.domain,
    }
    return body | ({"owner_access_key": owner} if owner else {})


@click.command()
@click.option("-a", "--list-all", is_flag=True, help="Also templates of others.")
async def list_templates(context: Context, list_all: bool) -> None:
    """List the templates that are stored."""
    found = await stored_templates(await context.connect(), all=list_all)
    # Clusters list the templates of all users, even if only the user's own are requested.
    chosen = found if list_all else [one for one in found if one.is_owner]
    await context.output.rows(chosen, _COLUMNS)
    if len(chosen) < len(found):
        context.output.note(f"{len(found) - len(chosen)} of others are not shown: --list-all")


@click.command()
@_TEMPLATE
@click.option(
    "-f",
    "--format",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="The format of the output.",
)
@_OWNER
async def get(context: Context, template_id: str, format: str, owner: str | None) -> None:
    """Show a template, by id or name, so that update takes it back; passwords are hidden."""
    api = await context.connect()
    content = readable(await get_content(api, await find_template(api, template_id), owner))
    context.output.item(content, [Column(key) for key in content], format=format)


@click.command()
@_TEMPLATE
@_FILE
@click.option("-d", "--domain", help="The domain; the profile's otherwise.")
@click.option("-g", "--group", help="The group; the profile's otherwise.")
@_OWNER
async def update(
    context: Context,
    template_id: str,
    file: Path | None,
    domain: str | None,
    group: str | None,
    owner: str | None,
) -> None:
    """Replace a template by the one in a file, once nothing is wrong with it."""
    from atoll.urls import path

    document = await _read(context, file)
    if len(document.templates) != 1:
        raise UsageError("only one template can replace another", hint="the file contains several")
    api = await context.connect()
    found = await find_template(api, template_id)
    if hides_password(document.templates):
        document.templates[0]["template"] = with_password(
            document.templates[0]["template"], await get_content(api, found, owner)
        )
    body = _body(api.profile, document, domain or found.domain_name, group, owner)
    await api.json("PUT", path("template", "session", found.id), json=body)
    context.output.done(f"template {found.name} is replaced")


@click.command()
@_TEMPLATE
@yes_option("-f", "--force")
@_OWNER
async def delete(context: Context, template_id: str, yes: bool, owner: str | None) -> None:
    """Delete a template, by id or name; sessions started from it go on."""
    from atoll.urls import path

    api = await context.connect()
    found = await find_template(api, template_id)
    await context.consent(f"Delete template {found.name} ({found.id})?", yes=yes)
    params = {"owner_access_key": owner}
    await api.json("DELETE", path("template", "session", found.id), params=params)
    context.output.done(f"template {found.name} is deleted")
