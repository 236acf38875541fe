"""What earlier programs left lying about: deleted at the start, each thing by itself.

Only what is known to be done with is deleted. A folder of which nobody knows whose it is may be all
that is left of somebody's work, say after the database was lost: it is put aside for a person.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from atoll_local.cluster import Cluster
from atoll_local.put_aside import ForAPerson, Item
from atoll_local.storage.volume import count
from atoll_local.store.administration import READY
from atoll_local.store.folders import CLONING, DELETING
from atoll_local.store.records import DEAD
from atoll_local.supervision import Kind, Work

_NOBODYS = "it belongs to nothing that the cluster knows of"


_PATIENCE = 5.0
"""Seconds that the start waits until folders that nobody shall see any more are out of the way."""

Leftover = tuple[Item, Work]


async def sweep(cluster: Cluster) -> None:
    """Begin to delete what is left over; to be called before requests are served."""
    begun = []
    for find in (_graves, _folders, _kernels, _images):
        with cluster.supervisor.holding(Kind.CLEAN_UP):
            for item, work in list(find(cluster)):
                task = cluster.supervisor.start(Kind.CLEAN_UP, work, item=item)
                begun += [task] if item.what == "folder" else []
    with anyio.move_on_after(_PATIENCE):
        for task in begun:
            await task.wait()


def bury(cluster: Cluster, grave: Path) -> anyio.Event:
    """Begin to delete a folder that was discarded; the event is set when that has ended."""
    item = Item("deleted folder", grave.name)
    return cluster.supervisor.start(Kind.CLEAN_UP, partial(_bury, cluster, grave), item=item)


def give_up(cluster: Cluster, folder_id: str) -> anyio.Event:
    """Begin to delete a folder for good, and what the store says of it; set when that has ended."""

    async def work() -> None:
        await (await _discard(cluster, folder_id)).wait()

    return cluster.supervisor.start(Kind.CLEAN_UP, work, item=Item("folder", folder_id))


async def _discard(cluster: Cluster, folder_id: str) -> anyio.Event:
    """Take a folder away at once; returns the event of its burial."""
    grave = cluster.storage.volume.discard(folder_id)
    cluster.store.folders.delete(printable(folder_id))
    return bury(cluster, grave)


async def _bury(cluster: Cluster, grave: Path) -> None:
    await anyio.to_thread.run_sync(cluster.storage.volume.bury, grave, abandon_on_cancel=True)


async def _discard_nobodys(cluster: Cluster, name: str) -> None:
    """Delete a folder that nobody knows, if it was only just being made."""
    usage = await anyio.to_thread.run_sync(count, cluster.storage.volume.folders / name)
    if usage.size:
        raise ForAPerson(_NOBODYS)
    await _discard(cluster, name)


async def _leave() -> None:
    raise ForAPerson(_NOBODYS)


def give_up_image(cluster: Cluster, image_id: str) -> anyio.Event:
    """Begin to delete a committed image for good; the event is set when that has ended."""
    work = partial(_drop_image, cluster, image_id)
    return cluster.supervisor.start(Kind.CLEAN_UP, work, item=Item("image", image_id))


async def _drop_image(cluster: Cluster, image_id: str) -> None:
    await cluster.engine.drop(image_id)
    cluster.store.tables.committed.delete(image_id)


def _graves(cluster: Cluster) -> Iterator[Leftover]:
    graves = cluster.storage.volume.graves
    for name in os.listdir(graves):  # noqa: PTH208 - names alone, of any bytes
        yield Item("deleted folder", name), partial(_bury, cluster, graves / name)


def _folders(cluster: Cluster) -> Iterator[Leftover]:
    store, folders = cluster.store, cluster.storage.volume.folders
    for folder in store.folders.select("status IN (?, ?)", (DELETING, CLONING)):
        yield Item("folder", folder.id), partial(_discard, cluster, folder.id)
    for name in os.listdir(folders):  # noqa: PTH208 - names alone, of any bytes
        if store.folders.get(printable(name)) is None:
            yield Item("folder", name), partial(_discard_nobodys, cluster, name)


def _kernels(cluster: Cluster) -> Iterator[Leftover]:
    for kernel_id in cluster.engine.found():
        row, item = cluster.store.kernels.get(kernel_id), Item("kernel folder", kernel_id)
        if row is None:
            yield item, _leave
        elif row.status in DEAD and kernel_id not in cluster.scheduler.running:
            yield item, partial(cluster.engine.discard, kernel_id)


def _images(cluster: Cluster) -> Iterator[Leftover]:
    known = cluster.store.tables.committed
    for image in known.select("status != ?", (READY,)):
        yield Item("image", image.id), partial(_drop_image, cluster, image.id)
    for image_id in cluster.engine.kept():
        if known.get(printable(image_id)) is None:
            yield Item("image", image_id), _leave


def printable(name: str) -> str:
    """Return a name that was found on the disk, of any bytes, as the store can be asked for it."""
    return os.fsencode(name).decode("utf-8", "replace")
