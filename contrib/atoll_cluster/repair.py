"""Try the work on put-aside items again, or delete the items permanently."""

import os
from functools import partial

from atoll_cluster.cleanup import delete_folder, delete_image, printable, purge_deleted
from atoll_cluster.cluster import Cluster
from atoll_cluster.put_aside import Entry, Item
from atoll_cluster.scheduler.recovery import recover_session
from atoll_cluster.store.records import DEAD, KernelRow
from atoll_cluster.supervision import TaskKind, Work


async def repair(cluster: Cluster, *, remove: bool = False) -> list[Entry]:
    """Try the work on all items again, or, with `remove`, delete them permanently.

    Returns the entries of the items that are done.
    """
    before = cluster.supervisor.put_aside.entries
    for entry in before:
        await (_remove if remove else _try_again)(cluster, entry.item)
    left = {entry.item for entry in cluster.supervisor.put_aside.entries}
    return [entry for entry in before if entry.item not in left]


async def _try_again(cluster: Cluster, item: Item) -> None:
    scheduler, row = cluster.scheduler, _kernel(cluster, item)
    match item.what:
        case "session":
            work = partial(recover_session, scheduler, item.name)
            task = cluster.supervisor.start(TaskKind.RECOVERY, work, session=item.name, item=item)
            await task.wait()
        case "kernel" if row:
            await scheduler.stop_kernel(row, forced=True).wait()
        case "kernel folder" if row and row.status in DEAD:
            await _clean_up(cluster, item, partial(cluster.engine.discard, item.name))
        case "deleted folder":
            await purge_deleted(cluster, cluster.storage.volume.deleted_folders / item.name).wait()
        case "folder" if not _is_unowned(cluster, item.name):
            await delete_folder(cluster, item.name).wait()
        case "image" if cluster.store.tables.committed.get(printable(item.name)):
            await delete_image(cluster, item.name).wait()


def _kernel(cluster: Cluster, item: Item) -> KernelRow | None:
    return cluster.store.kernels.get(item.name) if item.what.startswith("kernel") else None


def _is_unowned(cluster: Cluster, folder_id: str) -> bool:
    """Return whether a folder has no known owner; then only an administrator may delete it."""
    is_known = cluster.store.folders.get(printable(folder_id)) is not None
    return not is_known and os.path.lexists(cluster.storage.volume.path(folder_id))


async def _remove(cluster: Cluster, item: Item) -> None:
    row = _kernel(cluster, item)
    match item.what:
        case "session":
            await _clean_up(cluster, item, partial(cluster.scheduler.discard, item.name))
        case "kernel" if row:
            await _clean_up(cluster, item, partial(cluster.scheduler.discard, row.session_id))
        case "kernel" | "kernel folder":
            await _clean_up(cluster, item, partial(cluster.engine.discard, item.name))
        case "deleted folder":
            await purge_deleted(cluster, cluster.storage.volume.deleted_folders / item.name).wait()
        case "folder":
            await delete_folder(cluster, item.name).wait()
        case "image":
            await delete_image(cluster, item.name).wait()


async def _clean_up(cluster: Cluster, item: Item, work: Work) -> None:
    await cluster.supervisor.start(TaskKind.CLEAN_UP, work, item=item).wait()
