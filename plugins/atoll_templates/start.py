"""`start-template`: starts a session from a template, with changes."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import click

from atoll import Context, ExitCode, Name, Secret
from atoll.output import Column
from atoll_sessions.api import (
    SessionRequest,
    check_release,
    create_session,
    owner_option,
    queue_options,
    session_ids,
    show_started,
)
from atoll_templates.api import find_template
from atoll_templates.overrides import creation_body, given_config, own_config

_COLUMNS = [
    Column("id", "Session ID", official_name="session_id"),
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
        help="The session's name; random by default.",
    ),
    owner_option("Start it for another user."),
    click.option(
        "--type",
        type=click.Choice(["batch", "interactive", "inference", "system"]),
        help="Replace the template's value.",
    ),
    click.option(
        "--starts-at", "--starts_at", "starts_at", metavar="TIME", help="Start it at this time."
    ),
    click.option("-i", "--image", type=Name("image"), help="Replace the template's value."),
    click.option(
        "-c", "--startup-command", metavar="COMMAND", help="The command of a batch session."
    ),
    click.option("--enqueue-only", is_flag=True, help="Don't wait until the session starts."),
    click.option(
        "--max-wait",
        type=click.IntRange(0),
        default=0,
        metavar="SECONDS",
        help="Wait at most this long.",
    ),
    click.option("--no-reuse", is_flag=True, help="Fail if a session of this name exists already."),
    click.option(
        "-e",
        "--env",
        multiple=True,
        type=Secret(after="="),
        metavar="KEY=VAL",
        help="Replace the template's value.",
    ),
    click.option("--tag", help="A tag: a note that ps can show and filter."),
    click.option(
        "-v",
        "--volume",
        "-m",
        "--mount",
        "mounts",
        multiple=True,
        type=Name("vfolder"),
        metavar="NAME[=PATH]",
        help="Replace the template's folders.",
    ),
    click.option("--scaling-group", "--sgroup", help="Start it in this scaling group."),
    click.option(
        "-r",
        "--resources",
        "--resource",
        multiple=True,
        metavar="KEY=VAL",
        help="Replace the template's value.",
    ),
    click.option("--cluster-size", type=click.IntRange(1), help="How many containers."),
    click.option(
        "--resource-opts",
        multiple=True,
        metavar="KEY=VAL",
        help="Resource options: shmem=64m. Repeatable.",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Fail if the bootstrap script or the clone fails; by default that is a warning.",
    ),
    click.option("-d", "--domain", help="The domain; the profile's otherwise."),
    click.option("-g", "--group", help="The group; the profile's otherwise."),
    click.option("--no-mount", is_flag=True, help="Mount none of the template's folders."),
    click.option("--no-env", is_flag=True, help="Set none of the template's variables."),
    click.option("--no-resource", is_flag=True, help="Use the default resources."),
)


def _with_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("start-template")
@click.argument("template_id", type=Name("session-template"))
@_with_options
@queue_options
async def start_template(context: Context, template_id: str, **given: Any) -> int:
    """Start a session from a template, named by id or name; what is given takes the place of what
    the template says.
    """
    given["name"] = given["name"] or f"atoll-{uuid4().hex[:8]}"
    api = await context.connect()
    await check_release(api, timeout=given["timeout"])
    given["depends"] = await session_ids(api, given["depends"])
    template = await find_template(api, template_id)
    config = {**own_config(template), **given_config(given)}
    kernel = (template.template.get("spec") or {}).get("kernel") or {}
    request = SessionRequest(
        image=given["image"] or template.image,
        name=given["name"],
        enqueue_only=given["enqueue_only"],
        max_wait=given["max_wait"],
        resources=config["resources"],
        group=given["group"] or template.group_name or api.profile.group,
        prepares=bool(kernel.get("git") or (kernel.get("run") or {}).get("bootstrap")),
        strict=given["strict"],
    )

    async def post(request: SessionRequest) -> Mapping[str, Any]:
        body = creation_body(template, {**given, "image": request.image}, config)
        answer: Mapping[str, Any] = await api.json(
            "POST", "/session/_/create-from-template", json=body
        )
        return answer

    created = await create_session(context, api, request, post=post)
    show_started(context, created, request, _COLUMNS)
    if created.failed:
        raise created.failure()
    created.check(request)
    return ExitCode.TIMED_OUT if created.status == "TIMEOUT" else ExitCode.OK
