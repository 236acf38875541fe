"""How much may lie in a folder."""

from atoll_local.api.call import Call
from atoll_local.api.problems import Problem
from atoll_local.api.vfolders.disk import place
from atoll_local.storage.volume import count
from atoll_local.store.folders import VFolder


def check_room(call: Call, folder: VFolder, more: int) -> None:
    """Raise Problem 413 when `more` bytes don't fit; slow, since it may have to count files."""
    volume, limit = call.cluster.storage.volume, folder.max_size
    if limit and count(place(volume, folder)).size + more > limit:
        raise Problem(
            413,
            "storage/quota-exceeded",
            "The quota of the folder is exceeded.",
            f"folder {folder.name!r} may hold {limit} bytes; {more} more do not fit",
        )
