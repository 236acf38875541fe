"""Images: what sessions are made of, and their aliases."""

from typing import TYPE_CHECKING

import click

from atoll import Context, NotFound
from atoll_admin.asking import ask, compose, succeed
from atoll_admin.changing import change_command
from atoll_admin.commands import list_command
from atoll_admin.consent import show_request
from atoll_admin.fields import NEW, flag, size, text, texts
from atoll_admin.kind import Change, Kind, Listing
from atoll_admin.params import argument, option, switch
from atoll_admin.tasks import follow_task

if TYPE_CHECKING:
    from atoll.api import Api

_TASK = "ok msg task_id"

IMAGE = Kind(
    name="image",
    key="name",
    who="everybody",
    fields=[
        text("name", keep=True),
        text("registry"),
        text("tag", keep=True),
        text("architecture"),
        texts("aliases"),
        size("size_bytes", "Size"),
        text("digest"),
        flag("installed"),
        texts("installed_agents", "On agents"),
        text("status", since=NEW),
    ],
    listed="name,registry,architecture,tag,digest,size_bytes,aliases",
    listing=Listing(root="images", arguments={"is_operation": "Boolean"}),
)


async def _known_alias(api: "Api", alias: str) -> str:
    """Return the alias if an image has it; 23.09 fails in its own ways where none has."""
    images = await ask(api, "images", {}, "aliases")
    if not any(alias in (image["aliases"] or ()) for image in images):
        raise NotFound(f"no image has the alias {alias!r}", hint="atoll admin images lists them")
    return alias


rows = list_command(
    IMAGE,
    switch("--operation", "is_operation", help="Only images for operators."),
    help="List the images that sessions can be started from.",
)
alias = change_command(
    IMAGE,
    Change(
        mutation="alias_image",
        params=[
            argument("alias"),
            argument("target", "image"),
            option("--arch", "architecture", help="Of this architecture."),
        ],
        arguments={"alias": "String!", "target": "String!", "architecture": "String"},
        existing=False,
        done="{alias} stands for {target}",
    ),
    "Give an image another name.",
)
dealias = change_command(
    IMAGE,
    Change(
        mutation="dealias_image",
        params=[argument("alias", "image")],
        arguments={"alias": "String!"},
        resolve={"alias": _known_alias},
        existing=False,
        done="{alias} stands for no image any more",
    ),
    "Take another name of an image away.",
)


@click.command()
@click.option("-r", "--registry", metavar="NAME", help="Only this registry's.")
@click.option("-p", "--project", metavar="NAME", help="Only this project's; since 24.x.")
@click.option("--dry-run", is_flag=True, help="Show the request, change nothing.")
async def rescan(
    context: Context, registry: str | None, project: str | None, dry_run: bool
) -> None:
    """Have the cluster look for new images in its registries, and wait for the end."""
    given = {"registry": registry, "project": project}
    arguments = {name: ("String", value) for name, value in given.items() if value}
    if dry_run:
        query = compose("rescan_images", dict.fromkeys(arguments, "String"), _TASK, mutation=True)
        body = {
            "query": query,
            "variables": {name: value for name, (_, value) in arguments.items()},
        }
        show_request(context, "POST", "/admin/gql", body)
        return
    api = await context.connect()
    answer = succeed(await ask(api, "rescan_images", arguments, _TASK, mutation=True))
    if answer.get("task_id"):
        await follow_task(context, api, answer["task_id"], "scanning the registries")
    context.output.note("the registries are scanned")
