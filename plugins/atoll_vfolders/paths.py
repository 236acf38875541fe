"""Checks paths in a folder, as users type them, and names that clusters list."""

import os
from pathlib import PurePosixPath
from posixpath import normpath

from atoll import AtollError, UsageError
from atoll.files import LONGEST_PATH, is_name, is_path

_LONGEST_NAME = 255
"""The longest name of a file in bytes, on all file systems that store folders."""


def folder_path(path: str) -> PurePosixPath:
    """Return a path relative to the folder's top; raises UsageError if the path leads out of the
    folder.
    """
    if not is_path(path):
        raise UsageError(f"{path!r} can't be the name of a file")
    clean = PurePosixPath(normpath(path.lstrip("/") or "."))
    if ".." in clean.parts:
        raise UsageError(f"{path} is outside of the folder")
    if len(os.fsencode(clean)) > LONGEST_PATH:
        raise UsageError(f"{path[:40]}… is too long for a path")
    for name in clean.parts:
        if len(os.fsencode(name)) > _LONGEST_NAME:
            raise UsageError(f"{name[:40]}… is too long for the name of a file")
    return clean


def check_name(name: str) -> str:
    """Return a name that a cluster has listed; raises AtollError if it could lead out of the
    folder.
    """
    if not is_name(name):
        raise AtollError(f"the cluster lists a file called {name!r}")
    return name
