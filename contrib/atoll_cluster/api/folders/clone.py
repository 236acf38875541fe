"""`POST /folders/{f}/clone`: copy a folder in the background."""

from uuid import uuid4

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.folders.access import named
from atoll_cluster.api.folders.disk import on_disk, place
from atoll_cluster.api.folders.limits import check_count, check_disk, check_permission, check_room
from atoll_cluster.api.folders.manage import check_host, make, refuse_taken
from atoll_cluster.api.folders.naming import PERMISSIONS, USAGE_MODES, check_choice, check_name
from atoll_cluster.api.folders.shapes import created
from atoll_cluster.api.request.background import BackgroundTask, BackgroundTasks
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import forbidden
from atoll_cluster.cleanup import delete_folder
from atoll_cluster.storage.copying import copy
from atoll_cluster.storage.volume import HOST, count
from atoll_cluster.store.folders import CLONING, VFolder
from atoll_cluster.supervision import retry_while_unavailable


async def clone(call: Call) -> Response:
    """Answer 201 with the new folder, whose status is `cloning` until the background task ends."""
    source = named(call).folder
    if not source.cloneable:
        raise forbidden(f"folder {source.name!r} is not cloneable; its owner can allow cloning")
    target = _read_request(call)
    refuse_taken(call, target.name, target)
    check_permission(call, target, "create-vfolder")
    check_count(call, target)
    usage = await on_disk(lambda: count(place(call.cluster.storage.volume, source)))
    check_disk(call.cluster, usage.on_disk)
    await check_room(call.cluster, target, usage.size)
    await make(call, target)
    background: BackgroundTasks = call.request.app.state.background
    task_id = background.start(
        call.owner.user.uuid, lambda task: _copy_all(call, source, target, task, usage.count)
    )
    return reply(created(target) | {"bgtask_id": task_id}, 201)


def _read_request(call: Call) -> VFolder:
    params, user = call.params, call.owner.user
    check_host(params.text("target_host"))
    return VFolder(
        id=uuid4().hex,
        name=check_name(params.required("target_name")),
        host=HOST,
        usage_mode=check_choice("usage_mode", params.text("usage_mode") or "general", USAGE_MODES),
        permission=check_choice("permission", params.text("permission") or "rw", PERMISSIONS),
        user=user.uuid,
        group_id=None,
        creator=user.email,
        domain_name=user.domain_name,
        cloneable=params.boolean("cloneable"),
        status=CLONING,
        created_at=clock.now(),
    )


async def _copy_all(
    call: Call, source: VFolder, target: VFolder, task: BackgroundTask, total: int
) -> str:
    """Copy the files; deletes the new folder if the copy fails."""
    volume, folders = call.cluster.storage.volume, call.cluster.store.folders
    places = place(volume, source), volume.path(target.id)

    def report(number: int) -> None:
        anyio.from_thread.run_sync(task.report, number, total, f"cloning {source.name}")

    try:
        omissions = await anyio.to_thread.run_sync(copy, *places, report)
    except Exception:
        delete_folder(call.cluster, target.id)
        raise
    await retry_while_unavailable(lambda: folders.update(target.id, status="ready"))
    return f"{source.name} is cloned as {target.name}{omissions.summary()}"


ROUTES: Routes = (route("POST", "/folders/{f}/clone", clone),)
