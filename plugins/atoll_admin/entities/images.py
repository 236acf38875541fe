"""Images, from which sessions are made, and their aliases."""

from typing import TYPE_CHECKING

import click

from atoll import Context, NotFound
from atoll.reading import maybe
from atoll_admin.actions import dry_run_option, show_request
from atoll_admin.change_commands import change_command
from atoll_admin.entity import Change, Entity, ListQuery
from atoll_admin.fields import SINCE_24_03, flag, size, text, texts
from atoll_admin.list_commands import list_command
from atoll_admin.params import argument, option, switch
from atoll_admin.requests import Mutation, run_query
from atoll_sessions.api import follow_task

if TYPE_CHECKING:
    from atoll import Api

IMAGE = Entity(
    name="image",
    key="name",
    visible_to="everybody",
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
        text("status", since=SINCE_24_03),
    ],
    default_columns="name,registry,architecture,tag,digest,size_bytes,aliases",
    listing=ListQuery(root="images", arguments={"is_operation": "Boolean"}),
)


async def _known_alias(api: "Api", alias: str) -> str:
    """Return the alias if an image has it; raise a clear error if none has, since that of 23.09 is
    unclear.
    """
    images = await run_query(api, "images", {}, "aliases", [{"aliases": maybe([str])}])
    if not any(alias in (image["aliases"] or ()) for image in images or ()):
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
            option("--arch", "architecture", help="The architecture of the image."),
        ],
        arguments={"alias": "String!", "target": "String!", "architecture": "String"},
        existing=False,
        done="{alias} is an alias of {target}",
    ),
    "Add an alias for an image.",
)
dealias = change_command(
    IMAGE,
    Change(
        mutation="dealias_image",
        params=[argument("alias", "image")],
        arguments={"alias": "String!"},
        resolve={"alias": _known_alias},
        existing=False,
        done="{alias} is no longer an alias",
    ),
    "Remove an alias of an image.",
)
forget = change_command(
    IMAGE,
    Change(
        mutation="forget_image",
        params=[
            argument("reference", "image"),
            option(
                "--arch",
                "architecture",
                default="x86_64",
                show_default=True,
                help="The architecture of the image.",
            ),
        ],
        arguments={"reference": "String!", "architecture": "String!"},
        existing=False,
        question="Forget image {reference}? An image made from a session is deleted.",
        done="image {reference} is forgotten",
    ),
    "Hide an image until images are scanned again; on the embedded cluster, delete it if it was "
    "made from a session.",
)


@click.command(params=[dry_run_option()])
@click.option("-r", "--registry", metavar="NAME", help="Only images of this registry.")
@click.option("-p", "--project", metavar="NAME", help="Only images of this project; since 24.x.")
async def rescan(
    context: Context, registry: str | None, project: str | None, dry_run: bool
) -> None:
    """Make the cluster look for new images in its registries, and wait for the end."""
    given = {"registry": registry, "project": project}
    arguments = {name: ("String", value) for name, value in given.items() if value}
    mutation = Mutation("rescan_images", arguments, "ok msg task_id")
    if dry_run:
        show_request(context, "POST", "/admin/gql", mutation.body)
        return
    api = await context.connect()
    answer = await mutation.send(api)
    if answer.get("task_id"):
        await follow_task(context, api, answer["task_id"], "scanning the registries")
    context.output.done("the registries are scanned")
