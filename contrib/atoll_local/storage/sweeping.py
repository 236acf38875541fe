"""What an earlier program did not finish: folders half deleted, half made or half cloned."""

from atoll_local.storage.volume import Volume
from atoll_local.store.folders import CLONING, DELETING
from atoll_local.store.store import Store


def sweep(store: Store, volume: Volume) -> None:
    """Discard what belongs to no folder (any more); to be called at start, before `bury_all`."""
    for folder in store.folders.select("status IN (?, ?)", (DELETING, CLONING)):
        volume.discard(folder.id)
        store.folders.delete(folder.id)
    for path in list(volume.folders.iterdir()):
        if store.folders.get(path.name) is None:
            volume.discard(path.name)
