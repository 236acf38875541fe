"""Run disk operations in a worker thread, and convert their errors to those of the API."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from atoll_cluster.api.request.problems import Problem, invalid_params
from atoll_cluster.storage.path_encoding import printable_path
from atoll_cluster.storage.removal import RemovalError
from atoll_cluster.storage.tree import PathError
from atoll_cluster.storage.volume import Volume
from atoll_cluster.store.folders import VFolder

T = TypeVar("T")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def place(volume: Volume, folder: VFolder) -> Path:
    """Return the path of a folder on the host."""
    return Path(folder.unmanaged_path) if folder.unmanaged_path else volume.path(folder.id)


async def on_disk(work: Callable[[], T], path: str = "") -> T:
    """Run a disk operation in a worker thread; converts an OSError to a Problem."""
    with explained(path):
        return await anyio.to_thread.run_sync(work)


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Convert an OSError or PathError about a path to a Problem."""
    try:
        yield
    except PathError as error:
        raise invalid_params(str(error), {"path": str(error)}) from error
    except FileNotFoundError:
        raise no_file(path) from None
    except RemovalError as error:
        path = printable_path(error.filename)
        why = f"{path!r}: {error.strerror}; everything else was removed"
        raise invalid_params(why, {"path": why}) from error
    except OSError as error:
        if error.errno in _FULL:
            raise full("the disk of the cluster is full") from error
        why = f"{path!r}: {error.strerror}" if path else str(error.strerror)
        raise invalid_params(why, {"path": why}) from error


def no_file(path: str) -> Problem:
    """Return Problem 404: the file is not in the folder."""
    return Problem(404, "storage/file-not-found", "File not found.", f"no file {path!r}")


def full(msg: str) -> Problem:
    """Return Problem 507: the disk is full."""
    return Problem(507, "storage/insufficient-storage", "Insufficient storage.", msg)
