"""Making a session, and waiting for it, as `run` and `start` both do."""

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import trio
from attrs import evolve, field, frozen

from atoll import AtollError, Context, Interrupted, NotFound, Problem
from atoll.commands import near_matches
from atoll_sessions.api import get_session, image_names, list_sessions

if TYPE_CHECKING:
    from atoll.api import Api

_FAILED = ("ERROR", "CANCELLED", "TERMINATED")
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

    `status` is RUNNING when it can be used, and `reason` says why when it never will be;
    `served_by` is the image that serves it when another was asked for.
    """

    id: str
    name: str
    status: str
    created: bool
    services: tuple[str, ...] = ()
    served_by: str = ""
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether it will never run."""
        return self.status in _FAILED

    def failure(self) -> AtollError:
        """Make the error for a session that will never run."""
        reason = f": {self.reason}" if self.reason else ""
        return AtollError(f"session {self.name} is {self.status}{reason}")


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
    created = _created(wanted, answer)
    if created.failed:
        session = await get_session(api, created.id, ["status_info"])
        created = evolve(created, reason=session.status_info or "")
    return created


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
    elif not created.failed:
        note(f"session {created.name} is {created.status}")
