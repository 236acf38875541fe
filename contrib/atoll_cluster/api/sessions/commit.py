"""Commit sessions: create an image from a session."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import count
from uuid import uuid4

import anyio.from_thread
from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.request.background import BackgroundTask, BackgroundTasks
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import bad_request, invalid_params, quota_exceeded
from atoll_cluster.api.sessions.naming import named_session
from atoll_cluster.api.sessions.runs import running_kernel
from atoll_cluster.cleanup import delete_image
from atoll_cluster.cluster import Cluster
from atoll_cluster.engine.contract import KernelSpec
from atoll_cluster.store.administration import COMMITTING, READY, CommittedImage
from atoll_cluster.store.records import Session
from atoll_cluster.supervision import retry_while_unavailable

_NAME = re.compile(r"[a-zA-Z0-9.\-_]{1,64}")
_BETWEEN_NEWS = 100
"""The number of copied files after which the progress is reported again."""


async def commit(call: Call) -> Response:
    """`POST /session/{s}/commit`: create an image of the main kernel's home.

    Answers 201 at once; the background task `bgtask_id` does the work. `image` is the name of the
    new image, an addition of this cluster that only atoll reads.
    """
    session = named_session(call)
    image, task_id = _begin(call, session, session.name)
    return reply(
        {
            "bgtask_id": task_id,
            "kernel": call.cluster.store.kernels.main(session.id).id,
            "path": image.canonical,
            "image": image.canonical,
        },
        201,
    )


async def imagify(call: Call) -> Response:
    """`POST /session/{s}/imagify`: commit a session to an image with a given name; since 24.03."""
    session, name = named_session(call), call.params.required("image_name")
    if not _NAME.fullmatch(name):
        why = "must be up to 64 letters, digits, '.', '-' and '_'"
        raise invalid_params(f"image_name {why}", {"image_name": why})
    visibility = call.params.text("image_visibility") or "user"
    if visibility != "user":
        why = f"{visibility!r} is not supported; only the owner can use an image (user)"
        raise invalid_params(f"image_visibility: {why}", {"image_visibility": why})
    if call.cluster.images.is_runtime(name):
        why = f"{name!r} is the name of a runtime of this machine"
        raise invalid_params(f"image_name: {why}", {"image_name": why})
    image, task_id = _begin(call, session, name)
    return reply({"task_id": task_id, "image": image.canonical})


async def commit_status(call: Call) -> Response:
    """`GET /session/{s}/commit`: `ongoing` while a commit of it runs, otherwise `ready`."""
    session = named_session(call)
    kernel = call.cluster.store.kernels.main(session.id)
    status = "ongoing" if _is_under_way(call.cluster, session) else "ready"
    return reply({"status": status, "kernel": kernel.id})


def _is_under_way(cluster: Cluster, session: Session) -> bool:
    found = cluster.store.tables.committed.find(session_id=session.id, status=COMMITTING)
    return found is not None


def _begin(call: Call, session: Session, name: str) -> tuple[CommittedImage, str]:
    """Start to commit a session; returns the image and the id of the task. Raises Problem."""
    if session.status != "RUNNING":
        raise invalid_params(
            f"only running sessions can be committed; {session.name!r} is {session.status}"
        )
    kernel = running_kernel(call.cluster, session)
    if _is_under_way(call.cluster, session):
        raise bad_request(f"session {session.name!r} is already being committed")
    _check_count(call.cluster, session.user_uuid)
    image = _entry(call.cluster, session, name)
    call.cluster.store.tables.committed.add(image)
    background: BackgroundTasks = call.request.app.state.background
    work = partial(_keep, call.cluster, image, kernel.spec)
    return image, background.start(session.user_uuid, work)


def _check_count(cluster: Cluster, owner: str) -> None:
    """Raise Problem 412 if a user already has as many images as the policy allows."""
    tables, user = cluster.store.tables, cluster.store.accounts.user(owner)
    policy = tables.user_policies.get(user.resource_policy) if user else None
    most = policy.max_customized_image_count if policy else 0
    if policy and 0 < most <= tables.committed.count("owner = ?", (owner,)):
        raise quota_exceeded(
            f"{policy.name} allows {most} committed images: forget some, or raise "
            "max_customized_image_count"
        )


def _entry(cluster: Cluster, session: Session, name: str) -> CommittedImage:
    tables, now = cluster.store.tables, clock.now()
    tag = next(one for one in _tags(now) if not tables.committed.find(name=name, tag=one))
    return CommittedImage(
        id=str(uuid4()),
        name=name,
        tag=tag,
        base=cluster.images.base_of(session.image),
        owner=session.user_uuid,
        session_id=session.id,
        created_at=now,
    )


def _tags(moment: str) -> Iterator[str]:
    """Yield possible tags for an image with this creation time, the shortest first."""
    tag = f"{clock.parse(moment):%Y%m%d-%H%M%S}"
    yield tag
    for number in count(2):
        yield f"{tag}-{number}"


async def _keep(
    cluster: Cluster, image: CommittedImage, spec: KernelSpec, task: BackgroundTask
) -> str:
    """Copy the home; deletes the image if the copy fails."""

    def progress(number: int, total: int) -> None:
        if number % _BETWEEN_NEWS == 0:
            message = f"committing {spec.session_name}"
            anyio.from_thread.run_sync(task.report, min(number, total), total, message)

    try:
        kept = await cluster.engine.keep(spec, image.id, progress)
        done = {"status": READY, "size": kept.size}
        await retry_while_unavailable(lambda: cluster.store.tables.committed.update(image.id, done))
    except Exception:
        delete_image(cluster, image.id)
        raise
    return f"{spec.session_name} is committed as {image.canonical}{kept.without}"


ROUTES: Routes = (
    route("POST", "/session/{s}/commit", commit),
    route("GET", "/session/{s}/commit", commit_status),
    route("POST", "/session/{s}/imagify", imagify),
)
