"""Creating a session and waiting until it runs, for `run` and `start`."""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import trio
from attrs import evolve, field, frozen

from atoll import AtollError, Context, NotFound, Problem, UsageError
from atoll.reading import maybe
from atoll.text import near_matches
from atoll_sessions import own_changes
from atoll_sessions.bootstrap_failures import bootstrap_failure
from atoll_sessions.model import Session
from atoll_sessions.queries import find_session, get_session, image_names
from atoll_sessions.reasons import Reasons
from atoll_sessions.waiting import OVER, WAITING_FIELDS, Waiting

if TYPE_CHECKING:
    from atoll import Api

_FAILED = ("ERROR", "CANCELLED", "TERMINATED")
TIME_LIMITS = "time-limits"
"""The name of the cluster's feature to end sessions of any type after a given time."""
_NEWER = 8
"""The major version of the API that clusters since 24.09 speak."""
_NAMED = 6
"""How many images the error for an unknown image lists."""
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
"""Seconds that the cluster may wait for the session's start before it answers the request: less
than after which a user is told that the cluster does not answer.
"""


@frozen(kw_only=True)
class SessionRequest:
    """The session that a command line asks for; fields are named after the options."""

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
    """Whether the session runs something else first, as sessions from templates may."""
    strict: bool = False
    """Whether a failure of what the session runs first is an error."""
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
    """Ids or names of sessions that must have ended with success before this one starts."""
    architecture: str | None = None
    callback_url: str | None = None
    timeout: str | None = None
    network: str | None = None

    @property
    def runs_something_first(self) -> bool:
        """Whether something runs in the session before the session is ready."""
        return self.prepares or bool(self.bootstrap_script)


class JobFailed(AtollError):
    """The startup command of a batch session has ended with an exit code other than 0."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"{what} has ended with exit code {code}")
        self.exit_code = code


Post = Callable[[SessionRequest], Awaitable[Mapping[str, Any]]]
"""Requests a session from the cluster and returns the answer."""


@frozen(kw_only=True)
class Created:
    """A session that was created, or one that exists under that name (`created` false).

    `status` is RUNNING when the session can be used; `reason` says why it will never run.
    `served_by` is the image in use if another was requested. `pretended` names the slots of which
    the cluster gives out more than it has. `trouble` says how the bootstrap script has failed.
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
        """Whether the session will never run."""
        return self.status in _FAILED and self.job_code != 0

    def check(self, request: SessionRequest, *, is_kept: bool = True) -> None:
        """Raise AtollError if the bootstrap script has failed and the request treats that as an
        error; `is_kept` tells whether the session runs on after that.
        """
        if self.trouble and request.strict:
            if not is_kept:
                raise AtollError("nothing was run, because the preparation of the session failed")
            raise AtollError(
                f"session {self.name} runs, but its preparation failed",
                hint=f"atoll logs {self.name} shows why, atoll rm {self.name} removes it",
            )

    def failure(self) -> AtollError:
        """Return the error for a session that will never run."""
        reason = f": {self.reason}" if self.reason else ""
        if self.job_code is None:
            return AtollError(f"session {self.name} is {self.status}{reason}")
        return JobFailed(f"the job of session {self.name}", self.job_code)


def creation_body(request: SessionRequest) -> dict[str, Any]:
    """Return the body of `POST /session` in the shape that 23.09 and 26.x both read."""
    return {
        "name": request.name,
        "image": request.image,
        "type": request.type,
        "domain": request.domain,
        "group": request.group,
        "tag": request.tag,
        "clusterSize": request.cluster_size,
        "clusterMode": request.cluster_mode,
        "enqueueOnly": request.enqueue_only,
        # The cluster answers after this time at the latest, which is enough where sessions start at
        # once. After that, polling shows what the session waits for, and works even if a connection
        # is cut.
        "maxWaitSeconds": min(request.max_wait or HOLD, HOLD),
        "reuseIfExists": not request.no_reuse,
        "starts_at": request.starts_at,
        "startupCommand": request.startup_command,
        "bootstrap_script": request.bootstrap_script,
        "owner_access_key": request.owner,
        **rarely_given(request.priority, request.timeout, request.depends, request.callback_url),
        **({"architecture": request.architecture} if request.architecture else {}),
        "config": {
            "environ": dict(request.env),
            "resources": dict(request.resources),
            "resource_opts": dict(request.resource_opts),
            "scalingGroup": request.scaling_group,
            "mounts": list(request.mounts),
            "mount_map": {name: path for name, path in request.mounts.items() if path},
            "preopen_ports": list(request.preopen),
            **({"agentList": list(request.assign_agent)} if request.assign_agent else {}),
            **({"attach_network": request.network} if request.network else {}),
        },
    }


def rarely_given(
    priority: int | None, timeout: str | None, depends: Sequence[str], callback_url: str | None
) -> dict[str, Any]:
    """Return the parts of a request that older releases refuse; each is left out unless it is
    given.
    """
    parts = {
        "priority": priority,
        "batch_timeout": timeout,
        "dependencies": list(depends) or None,
        "callback_url": callback_url,
    }
    return {name: value for name, value in parts.items() if value is not None}


async def check_release(api: "Api", **given: Any) -> None:
    """Raise AtollError if an option is given that the cluster's release does not have."""
    request = [name for name, value in given.items() if value]
    if "timeout" in request and await api.supports(TIME_LIMITS):
        request.remove("timeout")
    if request and (await api.version()).major < _NEWER:
        raise AtollError(f"this cluster has no --{request[0]}: Backend.AI has it since 24.09")


async def session_ids(api: "Api", references: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of sessions named by id, start of id or name; raises NotFound."""
    return tuple([(await find_session(api, one, ended=True)).id for one in references])


async def create_session(
    context: Context,
    api: "Api",
    request: SessionRequest,
    *,
    stays: bool = True,
    post: Post | None = None,
) -> Created:
    """Create the session. Unless the request says otherwise, wait until it runs, and show what it
    waits for.

    `stays` says that the session is kept if the user stops waiting; a note then says how to find
    it. `post` replaces `POST /session` by another request. Raises NotFound with similar names for
    an unknown image.
    """
    if request.timeout and request.type != "batch" and not await api.supports(TIME_LIMITS):
        raise UsageError("--timeout is for batch sessions", hint="add --type batch")
    await check_release(api, timeout=request.timeout, network=request.network)
    request = evolve(request, depends=await session_ids(api, request.depends))
    deadline = trio.current_time() + request.max_wait if request.max_wait else math.inf
    with (
        context.output.progress(f"starting {request.name} ({request.image}) …") as show,
        _explaining_cancellation(context, request.name if stays else ""),
    ):
        answer = api.read(await _post(api, request, post or partial(_post_once, api)), _ANSWER)
        created = _remember(context, _created(request, answer))
        if not request.enqueue_only and created.status not in OVER:
            reasons = Reasons(
                api, created.id, request.group, request.resources, request.cluster_size
            )
            waiting = Waiting(context, api, reasons)
            created = _updated(created, await waiting.finish(show, deadline))
        if created.created and created.status == "RUNNING" and request.runs_something_first:
            created = evolve(created, trouble=await bootstrap_failure(api, created.id))
    if created.status in _FAILED and not created.reason:
        created = _updated(created, await get_session(api, created.id, WAITING_FIELDS))
    return _remember(context, created)


def started(context: Context) -> list[Created]:
    """Return the sessions that a command has started or found, in their present state. This is for
    code that runs around commands, such as an option of another plugin.
    """
    return list(_started(context).values())


def _remember(context: Context, created: Created) -> Created:
    _started(context)[created.id] = created
    if created.status in OVER:
        own_changes.note(created.id, "start")
    return created


def _started(context: Context) -> dict[str, Created]:
    return cast("dict[str, Created]", context.state.setdefault("sessions.started", {}))


@contextmanager
def _explaining_cancellation(context: Context, name: str) -> Iterator[None]:
    """If the user stops waiting for the session, say what happens to it."""
    try:
        yield
    except trio.Cancelled:
        if name:
            context.output.note(
                f"session {name} stays queued: atoll wait {name} waits, atoll rm {name} cancels it"
            )
        raise


def _updated(created: Created, session: Session | None) -> Created:
    """Return the session as it is after waiting; `session` None means that the time is up."""
    if session is None:
        return evolve(created, status="TIMEOUT")
    return evolve(
        created,
        status=session.status,
        reason=": ".join(filter(None, [session.status_info, session.trouble])),
        job_code=session.job_code,
        services=tuple(str(port.get("name")) for port in session.service_ports or ()),
    )


async def _post(api: "Api", request: SessionRequest, post: Post) -> Mapping[str, Any]:
    """Send the request; if the cluster does not know short names of images, send the full name."""
    try:
        return await post(request)
    except Problem as problem:
        if problem.type != "object-not-found" or "image" not in problem.message.lower():
            raise
    known = await image_names(api)
    if known.get(request.image, request.image) == request.image:
        hint = near_matches(request.image, list(known)) or _list_known(known)
        raise NotFound(f"no image is called {request.image!r}", hint=hint)
    return await post(evolve(request, image=known[request.image]))


def _list_known(known: Mapping[str, str]) -> str:
    """Return a hint that lists the first images, each by its shortest name."""
    by_image: dict[str, str] = {}
    for name, image in known.items():
        by_image.setdefault(image, name)
    names = list(by_image.values())
    more = "; atoll admin images lists them all" if len(names) > _NAMED else ""
    return f"known: {', '.join(names[:_NAMED])}{more}"


async def _post_once(api: "Api", request: SessionRequest) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = await api.json("POST", "/session", json=creation_body(request))
    return answer


def _created(request: SessionRequest, answer: Mapping[str, Any]) -> Created:
    ports = answer.get("servicePorts") or answer.get("service_ports") or ()
    return Created(
        id=answer["sessionId"],
        name=answer.get("sessionName") or request.name,
        status=answer["status"],
        created=bool(answer["created"]),
        services=tuple(port["name"] for port in ports),
        served_by=answer.get("servedBy") or "",
        pretended=tuple(answer.get("pretendedSlots") or ()),
    )
