"""`start-template`: a session from a template, with what is to be different."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from atoll import Column, Context, ExitCode, Name
from atoll_sessions.creation import HOLD, Wanted, create_session, tell_created
from atoll_sessions.options import parse_mounts, parse_pairs, parse_resources
from atoll_templates.api import Template, find_template

if TYPE_CHECKING:
    from atoll.api import Api

_COLUMNS = [
    Column("id", "Session ID"),
    Column("name"),
    Column("status"),
    Column("created"),
    Column("services", show=", ".join),
]
_OPTIONS = (
    click.option(
        "-t",
        "--name",
        "--client-token",
        type=Name("session"),
        help="Name the session; a random name otherwise.",
    ),
    click.option(
        "-o", "--owner", "--owner-access-key", metavar="ACCESS_KEY", help="Start it for another."
    ),
    click.option("--type", type=click.Choice(["batch", "interactive"])),
    click.option(
        "--starts-at", "--starts_at", "starts_at", metavar="TIME", help="Start it at this time."
    ),
    click.option("-i", "--image", type=Name("image")),
    click.option("-c", "--startup-command", metavar="COMMAND", help="What a batch session runs."),
    click.option("--enqueue-only", is_flag=True, help="Don't wait until the session starts."),
    click.option(
        "--max-wait", type=click.IntRange(0), default=0, metavar="SECONDS", help="Wait no longer."
    ),
    click.option("--no-reuse", is_flag=True, help="Refuse a session that has the name already."),
    click.option(
        "-e", "--env", multiple=True, metavar="KEY=VAL", help="In place of the template's own."
    ),
    click.option("--tag", help="Annotate the session."),
    click.option(
        "-v",
        "--volume",
        "-m",
        "--mount",
        "mounts",
        multiple=True,
        type=Name("vfolder"),
        metavar="NAME[=PATH]",
        help="In place of the template's own folders.",
    ),
    click.option("--scaling-group", "--sgroup"),
    click.option(
        "-r",
        "--resources",
        "--resource",
        multiple=True,
        metavar="KEY=VAL",
        help="In place of the template's own.",
    ),
    click.option("--cluster-size", type=click.IntRange(1)),
    click.option("--resource-opts", multiple=True, metavar="KEY=VAL"),
    click.option("-d", "--domain"),
    click.option("-g", "--group"),
    click.option("--no-mount", is_flag=True, help="Mount none of the template's folders."),
    click.option("--no-env", is_flag=True, help="Set none of the template's variables."),
    click.option("--no-resource", is_flag=True, help="Take what sessions have by default."),
)


def _with_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("start-template")
@click.argument("template_id", type=Name("session-template"))
@_with_options
async def start_template(context: Context, template_id: str, **given: Any) -> int:
    """Start a session from a template, named by id or name; what is given takes the place of what
    the template says.
    """
    given["name"] = given["name"] or f"atoll-{uuid4().hex[:8]}"
    config = _config(given)
    api = await context.connect()
    template = await find_template(api, template_id)
    wanted = _wanted(template, given, config)
    body = _body(template, given, config)
    created = await create_session(context, api, wanted, post=partial(_post, api, body))
    tell_created(context, created, wanted)
    if context.output.format:
        context.output.item(created, _COLUMNS)
    if created.failed:
        raise created.failure()
    return ExitCode.TIMED_OUT if created.status == "TIMEOUT" else ExitCode.OK


def _config(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what replaces the template's configuration; raises UsageError."""
    config: dict[str, Any] = {}
    if given["env"] or given["no_env"]:
        config["environ"] = parse_pairs(given["env"], "-e")
    if given["resources"] or given["no_resource"]:
        config["resources"] = parse_resources(given["resources"])
    if given["mounts"] or given["no_mount"]:
        mounts = parse_mounts(given["mounts"])
        config["mounts"] = list(mounts)
        config["mount_map"] = {name: path for name, path in mounts.items() if path}
    if given["resource_opts"]:
        config["resource_opts"] = parse_pairs(given["resource_opts"], "--resource-opts")
    if given["scaling_group"]:
        config["scalingGroup"] = given["scaling_group"]
    return config


def _wanted(template: Template, given: Mapping[str, Any], config: Mapping[str, Any]) -> Wanted:
    """Describe the session for those who wait for it."""
    spec = template.template.get("spec") or {}
    return Wanted(
        image=given["image"] or template.image,
        name=given["name"],
        enqueue_only=given["enqueue_only"],
        max_wait=given["max_wait"],
        resources=config.get("resources", spec.get("resources") or {}),
        group=given["group"] or template.group_name or "default",
    )


def _body(
    template: Template, given: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the request; what is absent from it is as the template says."""
    optional = {
        "image": given["image"],
        "type": given["type"],
        "domain": given["domain"],
        "group": given["group"],
        "tag": given["tag"],
        "clusterSize": given["cluster_size"],
        "starts_at": given["starts_at"],
        "startupCommand": given["startup_command"],
        "owner_access_key": given["owner"],
    }
    return {
        "template_id": template.id,
        "name": given["name"],
        "enqueueOnly": given["enqueue_only"],
        "maxWaitSeconds": min(given["max_wait"] or HOLD, HOLD),
        "reuseIfExists": not given["no_reuse"],
        "config": config,
        **{key: value for key, value in optional.items() if value is not None},
    }


async def _post(api: "Api", body: Mapping[str, Any]) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = await api.json("POST", "/session/_/create-from-template", json=body)
    return answer
