"""What `run` and `start` share: the options that make a session, and making it."""

import base64
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click
import trio
from attrs import evolve, field, frozen

from atoll import AtollError, Context, Interrupted, Name, NotFound, Problem, UsageError
from atoll.commands import near_matches
from atoll_sessions.api import image_names, list_sessions

if TYPE_CHECKING:
    from atoll.api import Api

_PATIENCE = 1.0
"""Seconds of silence after which a waiting user is told what the session waits for."""


@frozen(kw_only=True)
class Wanted:
    """The session that a command line asks for; field names follow the options."""

    image: str
    name: str
    owner: str | None = None
    type: str = "interactive"
    starts_at: str | None = None
    startup_command: str | None = None
    enqueue_only: bool = False
    max_wait: int = 0
    no_reuse: bool = False
    env: Mapping[str, str] = field(factory=dict)
    bootstrap_script: bytes | None = None
    tag: str | None = None
    scaling_group: str | None = None
    resources: Mapping[str, str] = field(factory=dict)
    cluster_size: int = 1
    cluster_mode: str = "single-node"
    resource_opts: Mapping[str, str] = field(factory=dict)
    domain: str = "default"
    group: str = "default"


@frozen(kw_only=True)
class Created:
    """A session that was made, or found under its name (`created` false).

    `status` is RUNNING when it can be used; `served_by` is the image that serves it when another
    was asked for.
    """

    id: str
    name: str
    status: str
    created: bool
    services: tuple[str, ...] = ()
    served_by: str = ""


def session_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that make a session."""
    options = [
        click.option(
            "-t", "--name", "--client-token", help="Name the session; a random name otherwise."
        ),
        click.option(
            "--type",
            type=click.Choice(["batch", "interactive"]),
            default="interactive",
            show_default=True,
        ),
        click.option("--starts-at", metavar="TIME", help="Start a batch session at this time."),
        click.option("--enqueue-only", is_flag=True, help="Don't wait until the session starts."),
        click.option(
            "--max-wait",
            type=click.IntRange(0),
            default=0,
            metavar="SECONDS",
            help="Wait no longer than this.",
        ),
        click.option(
            "--no-reuse", is_flag=True, help="Refuse to use a session that has the name already."
        ),
        click.option(
            "-e",
            "--env",
            multiple=True,
            metavar="KEY=VAL",
            help="Set an environment variable. Repeatable.",
        ),
        click.option(
            "--bootstrap-script",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Run this script when the session starts.",
        ),
        click.option("--tag", help="Annotate the session."),
        click.option("--scaling-group", "--sgroup", help="Start it in this scaling group."),
        click.option(
            "-r",
            "--resources",
            "--resource",
            multiple=True,
            metavar="KEY=VAL",
            help="Ask for resources: cpu=2, mem=4g. Repeatable.",
        ),
        click.option(
            "--cluster-size", type=click.IntRange(1), default=1, help="How many containers."
        ),
        click.option(
            "--cluster-mode",
            type=click.Choice(["single-node", "multi-node"]),
            default="single-node",
        ),
        click.option(
            "--resource-opts",
            multiple=True,
            metavar="KEY=VAL",
            help="Resource options: shmem=64m. Repeatable.",
        ),
        click.option("-d", "--domain", help="The domain; the profile's otherwise."),
        click.option("-g", "--group", help="The group; the profile's otherwise."),
    ]
    for option in reversed(options):
        command = option(command)
    return click.argument("image", type=Name("image"))(command)


def wanted_from(api: "Api", options: Mapping[str, Any]) -> Wanted:
    """Make sense of the options; raises UsageError."""
    given = dict(options)
    script: Path | None = given["bootstrap_script"]
    given |= {
        "name": given["name"] or f"atoll-{uuid4().hex[:8]}",
        "env": parse_pairs(given["env"], "-e"),
        "resources": parse_resources(given["resources"]),
        "resource_opts": parse_pairs(given["resource_opts"], "--resource-opts"),
        "bootstrap_script": _read(script) if script else None,
        "domain": given["domain"] or api.profile.domain,
        "group": given["group"] or api.profile.group,
    }
    return Wanted(**given)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def parse_pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Split KEY=VAL texts at the first `=`; raises UsageError for one that holds none."""
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} {text}: not of the form KEY=VAL")
        pairs[key] = value
    return pairs


def parse_resources(texts: Iterable[str]) -> dict[str, str]:
    """Split `-r` texts; memory without a unit is in MiB."""
    resources = parse_pairs(texts, "-r")
    for key, amount in resources.items():
        if not amount.strip():
            raise UsageError(f"-r {key}=: no amount is given")
        if key == "mem" and amount.isdigit():
            resources[key] = amount + "m"
    return resources


def creation_body(wanted: Wanted) -> dict[str, Any]:
    """Return the body of `POST /session` in the shape that 23.09 and 26.x both read."""
    script = wanted.bootstrap_script
    return {
        "name": wanted.name,
        "image": wanted.image,
        "type": wanted.type,
        "domain": wanted.domain,
        "group": wanted.group,
        "tag": wanted.tag,
        "clusterSize": wanted.cluster_size,
        "clusterMode": wanted.cluster_mode,
        "enqueueOnly": wanted.enqueue_only,
        "maxWaitSeconds": wanted.max_wait,
        "reuseIfExists": not wanted.no_reuse,
        "starts_at": wanted.starts_at,
        "startupCommand": wanted.startup_command,
        "bootstrap_script": base64.b64encode(script).decode() if script is not None else None,
        "owner_access_key": wanted.owner,
        "config": {
            "environ": dict(wanted.env),
            "resources": dict(wanted.resources),
            "resource_opts": dict(wanted.resource_opts),
            "scalingGroup": wanted.scaling_group,
            "mounts": [],
            "mount_map": {},
            "preopen_ports": [],
        },
    }


async def create_session(context: Context, api: "Api", wanted: Wanted) -> Created:
    """Make the session, and wait until it runs unless told otherwise, saying what it waits for.

    Raises NotFound with near matches for an unknown image.
    """
    with context.output.progress(f"starting {wanted.name} ({wanted.image}) …") as show:
        answer = await _post_patiently(api, wanted, show)
    return _created(wanted, answer)


async def _post_patiently(
    api: "Api", wanted: Wanted, show: Callable[[str], None]
) -> Mapping[str, Any]:
    """Post the wish, telling meanwhile what it waits for."""
    answer, failure = None, None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell_why_waiting, api, wanted.name, show)
        try:
            answer = await _post(api, wanted)
        except AtollError as error:
            failure = error  # raised below, outside the nursery's group
        nursery.cancel_scope.cancel()
    if answer is None:
        raise failure or Interrupted("interrupted")
    return answer


async def _post(api: "Api", wanted: Wanted) -> Mapping[str, Any]:
    """Post the wish, under the image's full name where the cluster knows no short ones."""
    try:
        return await _post_once(api, wanted)
    except Problem as problem:
        if problem.type != "object-not-found" or "image" not in problem.message.lower():
            raise
    known = await image_names(api)
    if known.get(wanted.image, wanted.image) == wanted.image:
        hint = near_matches(wanted.image, list(known)) or f"known: {', '.join(list(known)[:6])}"
        raise NotFound(f"no image is called {wanted.image!r}", hint=hint)
    return await _post_once(api, evolve(wanted, image=known[wanted.image]))


async def _post_once(api: "Api", wanted: Wanted) -> Mapping[str, Any]:
    # The cluster answers when the session runs, which may be long after: no silence is too long.
    answer: Mapping[str, Any] = await api.json(
        "POST", "/session", json=creation_body(wanted), timeout=None
    )
    return answer


def _created(wanted: Wanted, answer: Mapping[str, Any]) -> Created:
    ports = answer.get("servicePorts") or answer.get("service_ports") or ()
    return Created(
        id=answer["sessionId"],
        name=answer.get("sessionName") or wanted.name,
        status=answer["status"],
        created=answer["created"],
        services=tuple(port["name"] for port in ports),
        served_by=answer.get("servedBy") or "",
    )


async def _tell_why_waiting(api: "Api", name: str, show: Callable[[str], None]) -> None:
    by_name = f'name == "{name}"'
    while True:
        await trio.sleep(_PATIENCE)
        try:
            waiting = list_sessions(api, ["name", "status", "status_info"], filter=by_name, limit=1)
            async for session in waiting:
                reason = f": {session.status_info}" if session.status_info else ""
                show(f"{name} is {session.status}{reason}")
        except Problem:
            return  # it was only for information


def tell_created(context: Context, created: Created, wanted: Wanted) -> None:
    """Tell the user what became of the session."""
    note = context.output.note
    # A short name asks for no version in particular; a full one does.
    if created.served_by and ":" in wanted.image:
        note(f"{wanted.image} is served by {created.served_by}")
    if not created.created:
        note(f"session {created.name} is there already and is used again")
    elif created.status == "RUNNING":
        services = f" with {', '.join(created.services)}" if created.services else ""
        note(f"session {created.name} is ready{services}")
    elif created.status == "TIMEOUT":
        note(f"session {created.name} has not started in {wanted.max_wait} s and stays queued")
    else:
        note(f"session {created.name} is {created.status}")
