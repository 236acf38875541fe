"""Delete folders: move to the trash, restore, delete permanently.

Clients up to 23.09 delete folders permanently, by `DELETE /folders/{f}`. Later ones move them to
the trash first, by `DELETE /folders` with an id, or by the same path as before.
"""

from starlette.responses import Response

from atoll_cluster.api.folders.access import OWNER, Access, busy, find, named
from atoll_cluster.api.folders.limits import check_permission
from atoll_cluster.api.folders.manage import is_modern
from atoll_cluster.api.request.call import Call, Routes, no_content, route
from atoll_cluster.cleanup import delete_folder
from atoll_cluster.store.folders import CLONING, DELETING, TRASHED, VFolder


async def delete(call: Call) -> Response:
    """`DELETE /folders/{f}`: clients up to 23.09 delete permanently, others move to the trash."""
    access = named(call, OWNER, any_status=True)
    if is_modern(call):
        _trash(call, access)
    else:
        await _delete_for_good(call, access)
    return no_content()


async def delete_by_id(call: Call) -> Response:
    """`DELETE /folders`: move the folder with this id to the trash."""
    _trash(call, _by_id(call))
    return no_content()


async def restore(call: Call) -> Response:
    """`POST /folders/restore-from-trash-bin`: restore a folder from the trash."""
    folder = _by_id(call).folder
    if folder.status != TRASHED:
        raise busy(f"folder {folder.name!r} is not in the trash")
    call.cluster.store.folders.update(folder.id, status="ready")
    return no_content()


async def delete_trashed(call: Call) -> Response:
    """`POST /folders/delete-from-trash-bin`, `/folders/purge`: delete a trashed folder for ever."""
    access = _by_id(call)
    if access.folder.status != TRASHED:
        raise busy(f"folder {access.folder.name!r} is not in the trash")
    await _delete_for_good(call, access)
    return no_content()


async def delete_forced(call: Call) -> Response:
    """`DELETE /folders/{f}/force`: delete a folder permanently, even if it is not in the trash."""
    await _delete_for_good(call, named(call, OWNER, any_status=True))
    return no_content()


def _by_id(call: Call) -> Access:
    reference = call.params.required("id", "vfolder_id", "vfolderId")
    return find(call, reference, OWNER, any_status=True)


def _trash(call: Call, access: Access) -> None:
    folder = access.folder
    check_permission(call, folder, "delete-vfolder")
    if folder.status == TRASHED:
        raise busy(f"folder {folder.name!r} is in the trash already")
    refuse_busy(call, folder)
    call.cluster.store.folders.update(folder.id, status=TRASHED)


async def _delete_for_good(call: Call, access: Access) -> None:
    folder = access.folder
    check_permission(call, folder, "delete-vfolder")
    refuse_busy(call, folder)
    # Now clients do not see it; if the program dies, its next start continues the deletion.
    call.cluster.store.folders.update(folder.id, status=DELETING)
    await delete_folder(call.cluster, folder.id).wait()


def refuse_busy(call: Call, folder: VFolder) -> None:
    """Raise Problem 400 for a folder that a session mounts, or that is being cloned."""
    if folder.status == CLONING:
        raise busy(f"folder {folder.name!r} is being cloned")
    if sessions := call.cluster.store.folders.mounted().get(folder.id):
        raise busy(f"folder {folder.name!r} is used by session {', '.join(sessions)}")


ROUTES: Routes = (
    route("DELETE", "/folders", delete_by_id),
    route("POST", "/folders/purge", delete_trashed),
    route("POST", "/folders/delete-from-trash-bin", delete_trashed),
    route("POST", "/folders/restore-from-trash-bin", restore),
    route("DELETE", "/folders/{f}", delete),
    route("DELETE", "/folders/{f}/force", delete_forced),
)
