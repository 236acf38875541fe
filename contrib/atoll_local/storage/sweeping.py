"""What an earlier program did not finish: folders half deleted, half made or half cloned."""

import logging
import os

from atoll_local.storage.volume import Volume
from atoll_local.store.folders import CLONING, DELETING
from atoll_local.store.store import Store

_log = logging.getLogger(__name__)


def sweep(store: Store, volume: Volume) -> None:
    """Discard what belongs to no folder (any more); to be called at start, before `bury_all`.

    What can't be moved away is logged and left for the next start.
    """
    for folder in store.folders.select("status IN (?, ?)", (DELETING, CLONING)):
        if _discarded(volume, folder.id):
            store.folders.delete(folder.id)
    for name in os.listdir(volume.folders):  # noqa: PTH208 - names alone, of any bytes
        if store.folders.get(os.fsencode(name).decode("utf-8", "replace")) is None:
            _discarded(volume, name)


def _discarded(volume: Volume, folder_id: str) -> bool:
    try:
        volume.discard(folder_id)
    except OSError as error:
        _log.warning("folder %s stays until the next start: %s", folder_id, error)
        return False
    return True
