"""Making a session, and waiting for it, as `run` and `start` both do."""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import trio
from attrs import evolve, field, frozen

from atoll import AtollError, Context, NotFound, Problem
from atoll.reading import maybe
from atoll.text import near_matches
from atoll_sessions import doings
from atoll_sessions.model import Session
from atoll_sessions.preparation import preparation_failure
from atoll_sessions.queries import find_session, get_session, image_names
from atoll_sessions.reasons import Reasons
from atoll_sessions.waiting import OVER, WAITING_FIELDS, Waiting

if TYPE_CHECKING:
    from atoll import Api

_FAILED = ("ERROR", "CANCELLED", "TERMINATED")
_NEWER = 8
"""The major version of the API that clusters since 24.09 speak."""
_NAMED = 6
"""How many images are named to those who name one that is not there."""
_PORTS = maybe([{"name": str}])
_ANSWER = {
    "sessionId": str,
    "sessionName": maybe(str),
    "status": str,
    "created": maybe(bool),
    "servicePorts": _PORTS,
    "service_ports": _PORTS,
    "servedBy": maybe(str),
    "pretendedSlots": maybe([str]),
}
HOLD = 1
"""Seconds for which a session's creation holds its answer back."""


@frozen(kw_only=True)
class Wanted:
    """The session that a command line asks for; field names follow the options."""

    image: str
    name: str
    owner: str | None = None
    type: str = "interactive"
    priority: int | None = None
    starts_at: str | None = None
    startup_command: str | None = None
    enqueue_only: bool = False
    max_wait: int = 0
    no_reuse: bool = False
    env: Mapping[str, str] = field(factory=dict)
    bootstrap_script: str | None = None
    prepares: bool = False
    """Whether the session runs something first besides that, as those of templates may."""
    strict: bool = False
    """Whether a failure of what it runs first is an error."""
    tag: str | None = None
    scaling_group: str | None = None
    resources: Mapping[str, str] = field(factory=dict)
    cluster_size: int = 1
    cluster_mode: str = "single-node"
    resource_opts: Mapping[str, str] = field(factory=dict)
    domain: str = "default"
    group: str = "default"
    mounts: Mapping[str, str] = field(factory=dict)
    preopen: tuple[int, ...] = ()
    assign_agent: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    """Sessions, by id or name, that must have ended well before it starts."""
    architecture: str | None = None
    callback_url: str | None = None
    timeout: str | None = None
    network: str | None = None

    @property
    def runs_something_first(self) -> bool:
        """Whether something is run in the session before it is ready."""
        return self.prepares or bool(self.bootstrap_script)


class JobFailed(AtollError):
    """What a batch session was started for has ended with an exit code other than 0."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"{what} has ended with exit code {code}")
        self.exit_code = code


Post = Callable[[Wanted], Awaitable[Mapping[str, Any]]]
"""Asks the cluster for a session and returns what it answers."""


@frozen(kw_only=True)
class Created:
    """A session that was made, or found under its name (`created` false).

    `status` is RUNNING when it can be used, and `reason` says why when it never will be;
    `served_by` is the image that serves it when another was asked for; `pretended` names the slots
    of which the cluster gives away more than it has. `trouble` tells how what it runs first has
    failed.
    """

    id: str
    name: str
    status: str
    created: bool
    services: tuple[str, ...] = ()
    served_by: str = ""
    pretended: tuple[str, ...] = ()
    job_code: int | None = None
    reason: str = ""
    trouble: str = ""

    @property
    def failed(self) -> bool:
        """Whether it will never run."""
        return self.status in _FAILED and self.job_code != 0

    def check(self, wanted: Wanted) -> None:
        """Raise AtollError if what it ran first has failed, and that was to be an error."""
        if self.trouble and wanted.strict:
            raise AtollError(
                f"session {self.name} runs, but its preparation failed",
                hint=f"atoll logs {self.name} tells why, atoll rm {self.name} removes it",
            )

    def failure(self) -> AtollError:
        """Make the error for a session that will never run."""
        reason = f": {self.reason}" if self.reason else ""
        if self.job_code is None:
            return AtollError(f"session {self.name} is {self.status}{reason}")
        return JobFailed(f"the job of session {self.name}", self.job_code)


def creation_body(wanted: Wanted) -> dict[str, Any]:
    """Return the body of `POST /session` in the shape that 23.09 and 26.x both read."""
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
        # The cluster holds the answer back this long: enough where sessions start at once. After
        # that, asking again shows what the session waits for, and survives a cut connection.
        "maxWaitSeconds": min(wanted.max_wait or HOLD, HOLD),
        "reuseIfExists": not wanted.no_reuse,
        "starts_at": wanted.starts_at,
        "startupCommand": wanted.startup_command,
        "bootstrap_script": wanted.bootstrap_script,
        "owner_access_key": wanted.owner,
        **rarely_given(wanted.priority, wanted.timeout, wanted.depends, wanted.callback_url),
        **({"architecture": wanted.architecture} if wanted.architecture else {}),
        "config": {
            "environ": dict(wanted.env),
            "resources": dict(wanted.resources),
            "resource_opts": dict(wanted.resource_opts),
            "scalingGroup": wanted.scaling_group,
            "mounts": list(wanted.mounts),
            "mount_map": {name: path for name, path in wanted.mounts.items() if path},
            "preopen_ports": list(wanted.preopen),
            **({"agentList": list(wanted.assign_agent)} if wanted.assign_agent else {}),
            **({"attach_network": wanted.network} if wanted.network else {}),
        },
    }


def rarely_given(
    priority: int | None, timeout: str | None, depends: Sequence[str], callback_url: str | None
) -> dict[str, Any]:
    """Return the parts of a request that are left out unless given: older releases refuse them."""
    parts = {
        "priority": priority,
        "batch_timeout": timeout,
        "dependencies": list(depends) or None,
        "callback_url": callback_url,
    }
    return {name: value for name, value in parts.items() if value is not None}


async def check_release(api: "Api", **given: Any) -> None:
    """Raise AtollError when an option is given that the cluster is too old for."""
    wanted = [name for name, value in given.items() if value]
    if wanted and (await api.version()).major < _NEWER:
        raise AtollError(f"this cluster has no --{wanted[0]}: Backend.AI has it since 24.09")


async def session_ids(api: "Api", references: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of sessions named by id, start of id or name; raises NotFound."""
    return tuple([(await find_session(api, one, ended=True)).id for one in references])


async def create_session(
    context: Context,
    api: "Api",
    wanted: Wanted,
    *,
    stays: bool = True,
    post: Post | None = None,
) -> Created:
    """Make the session, and wait until it runs unless told otherwise, saying what it waits for.

    `stays` tells that the session is not removed when the user stops waiting for it, who is then
    told how to find it. `post` asks for the session in another way than by `POST /session`. Raises
    NotFound with near matches for an unknown image.
    """
    await check_release(api, timeout=wanted.timeout, network=wanted.network)
    wanted = evolve(wanted, depends=await session_ids(api, wanted.depends))
    deadline = trio.current_time() + wanted.max_wait if wanted.max_wait else math.inf
    with (
        context.output.progress(f"starting {wanted.name} ({wanted.image}) …") as show,
        _told_when_left(context, wanted.name if stays else ""),
    ):
        answer = api.read(await _post(api, wanted, post or partial(_post_once, api)), _ANSWER)
        created = _noted(context, _created(wanted, answer))
        if not wanted.enqueue_only and created.status not in OVER:
            reasons = Reasons(api, created.id, wanted.group, wanted.resources, wanted.cluster_size)
            waiting = Waiting(context, api, reasons)
            created = _updated(created, await waiting.finish(show, deadline))
        if created.created and created.status == "RUNNING" and wanted.runs_something_first:
            created = evolve(created, trouble=await preparation_failure(api, created.id))
    if created.status in _FAILED and not created.reason:
        created = _updated(created, await get_session(api, created.id, WAITING_FIELDS))
    return _noted(context, created)


def started(context: Context) -> list[Created]:
    """Return the sessions that a command has started or found, each as far as it has come: for what
    runs around commands, such as an option of another plugin.
    """
    return list(_started(context).values())


def _noted(context: Context, created: Created) -> Created:
    _started(context)[created.id] = created
    if created.status in OVER:
        doings.note(created.id, "start")
    return created


def _started(context: Context) -> dict[str, Created]:
    return cast("dict[str, Created]", context.state.setdefault("sessions.started", {}))


@contextmanager
def _told_when_left(context: Context, name: str) -> Iterator[None]:
    """Say what becomes of the session when the user stops waiting for it."""
    try:
        yield
    except trio.Cancelled:
        if name:
            context.output.note(
                f"session {name} stays queued: atoll wait {name} waits, atoll rm {name} cancels it"
            )
        raise


def _updated(created: Created, session: Session | None) -> Created:
    """Take what waiting has brought; None means that patience ended first."""
    if session is None:
        return evolve(created, status="TIMEOUT")
    return evolve(
        created,
        status=session.status,
        reason=": ".join(filter(None, [session.status_info, session.trouble])),
        job_code=session.job_code,
        services=tuple(str(port.get("name")) for port in session.service_ports or ()),
    )


async def _post(api: "Api", wanted: Wanted, post: Post) -> Mapping[str, Any]:
    """Post the wish, under the image's full name where the cluster knows no short ones."""
    try:
        return await post(wanted)
    except Problem as problem:
        if problem.type != "object-not-found" or "image" not in problem.message.lower():
            raise
    known = await image_names(api)
    if known.get(wanted.image, wanted.image) == wanted.image:
        hint = near_matches(wanted.image, list(known)) or _some_of(known)
        raise NotFound(f"no image is called {wanted.image!r}", hint=hint)
    return await post(evolve(wanted, image=known[wanted.image]))


def _some_of(known: Mapping[str, str]) -> str:
    """Return a hint that names the first images, each by the first of its names."""
    by_image: dict[str, str] = {}
    for name, image in known.items():
        by_image.setdefault(image, name)
    names = list(by_image.values())
    more = "; atoll admin images lists them all" if len(names) > _NAMED else ""
    return f"known: {', '.join(names[:_NAMED])}{more}"


async def _post_once(api: "Api", wanted: Wanted) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = await api.json("POST", "/session", json=creation_body(wanted))
    return answer


def _created(wanted: Wanted, answer: Mapping[str, Any]) -> Created:
    ports = answer.get("servicePorts") or answer.get("service_ports") or ()
    return Created(
        id=answer["sessionId"],
        name=answer.get("sessionName") or wanted.name,
        status=answer["status"],
        created=bool(answer["created"]),
        services=tuple(port["name"] for port in ports),
        served_by=answer.get("servedBy") or "",
        pretended=tuple(answer.get("pretendedSlots") or ()),
    )
