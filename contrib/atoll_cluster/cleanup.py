"""Delete files that earlier runs of the program have left on disk; called at the start.

This deletes only files that are certainly not needed. A folder without a known owner may be the
only copy of a user's work, for example after the database was lost. So it is put aside, and an
administrator decides about it.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from atoll_cluster.cluster import Cluster
from atoll_cluster.put_aside import Item, NeedsAdmin
from atoll_cluster.storage.volume import count
from atoll_cluster.store.administration import READY
from atoll_cluster.store.folders import CLONING, DELETING
from atoll_cluster.store.records import DEAD
from atoll_cluster.supervision import TaskKind, Work

_UNKNOWN_OWNER = "its owner is unknown"

_TIMEOUT = 5.0
"""Seconds that the start waits until deleted folders are gone, which clients must not see."""

CleanupTask = tuple[Item, Work]


async def start_cleanup(cluster: Cluster) -> None:
    """Start to delete all files that are left over; call this before serving requests."""
    begun = []
    for find in (_deleted_folders, _folders, _kernels, _images):
        with cluster.supervisor.isolate_failure(TaskKind.CLEAN_UP):
            for item, work in list(find(cluster)):
                task = cluster.supervisor.start(TaskKind.CLEAN_UP, work, item=item)
                begun += [task] if item.what == "folder" else []
    with anyio.move_on_after(_TIMEOUT):
        for task in begun:
            await task.wait()


def purge_deleted(cluster: Cluster, deleted: Path) -> anyio.Event:
    """Start to remove the files of a deleted folder; the returned event is set at the end."""
    item = Item("deleted folder", deleted.name)
    return cluster.supervisor.start(TaskKind.CLEAN_UP, partial(_purge, cluster, deleted), item=item)


def delete_folder(cluster: Cluster, folder_id: str) -> anyio.Event:
    """Start to delete a folder and its row; the returned event is set at the end."""

    async def work() -> None:
        await (await _delete_folder(cluster, folder_id)).wait()

    return cluster.supervisor.start(TaskKind.CLEAN_UP, work, item=Item("folder", folder_id))


async def _delete_folder(cluster: Cluster, folder_id: str) -> anyio.Event:
    """Hide a folder at once, and start to remove its files; returns the event of its end."""
    deleted = cluster.storage.volume.mark_deleted(folder_id)
    cluster.store.folders.delete(printable(folder_id))
    return purge_deleted(cluster, deleted)


async def _purge(cluster: Cluster, deleted: Path) -> None:
    await anyio.to_thread.run_sync(cluster.storage.volume.purge, deleted, abandon_on_cancel=True)


async def _delete_if_empty(cluster: Cluster, name: str) -> None:
    """Delete a folder without a row if it is empty, for example after a failed creation."""
    usage = await anyio.to_thread.run_sync(count, cluster.storage.volume.folders / name)
    if usage.size:
        raise NeedsAdmin(_UNKNOWN_OWNER)
    await _delete_folder(cluster, name)


async def _refuse() -> None:
    raise NeedsAdmin(_UNKNOWN_OWNER)


def delete_image(cluster: Cluster, image_id: str) -> anyio.Event:
    """Start to delete an image made from a session; the returned event is set at the end."""
    work = partial(_delete_image, cluster, image_id)
    return cluster.supervisor.start(TaskKind.CLEAN_UP, work, item=Item("image", image_id))


async def _delete_image(cluster: Cluster, image_id: str) -> None:
    await cluster.engine.drop(image_id)
    cluster.store.tables.committed.delete(image_id)


def _deleted_folders(cluster: Cluster) -> Iterator[CleanupTask]:
    deleted_folders = cluster.storage.volume.deleted_folders
    for name in os.listdir(deleted_folders):  # noqa: PTH208 - only names, of any bytes
        yield Item("deleted folder", name), partial(_purge, cluster, deleted_folders / name)


def _folders(cluster: Cluster) -> Iterator[CleanupTask]:
    store, folders = cluster.store, cluster.storage.volume.folders
    for folder in store.folders.select("status IN (?, ?)", (DELETING, CLONING)):
        yield Item("folder", folder.id), partial(_delete_folder, cluster, folder.id)
    for name in os.listdir(folders):  # noqa: PTH208 - only names, of any bytes
        if store.folders.get(printable(name)) is None:
            yield Item("folder", name), partial(_delete_if_empty, cluster, name)


def _kernels(cluster: Cluster) -> Iterator[CleanupTask]:
    for kernel_id in cluster.engine.found():
        row, item = cluster.store.kernels.get(kernel_id), Item("kernel folder", kernel_id)
        if row is None:
            yield item, _refuse
        elif row.status in DEAD and kernel_id not in cluster.scheduler.running:
            yield item, partial(cluster.engine.discard, kernel_id)


def _images(cluster: Cluster) -> Iterator[CleanupTask]:
    known = cluster.store.tables.committed
    for image in known.select("status != ?", (READY,)):
        yield Item("image", image.id), partial(_delete_image, cluster, image.id)
    for image_id in cluster.engine.kept():
        if known.get(printable(image_id)) is None:
            yield Item("image", image_id), _refuse


def printable(name: str) -> str:
    """Return a file name of any bytes as text for the store."""
    return os.fsencode(name).decode("utf-8", "replace")
