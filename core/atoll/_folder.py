"""Preserves the current folder, so that commands of plugins can't change it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from atoll._warnings import warn

if TYPE_CHECKING:
    from atoll._node import Node

_folder: str | None = None
"""The user's folder while commands run; `cd` may run while other commands do."""
_running = 0


@contextmanager
def folder_kept(node: "Node") -> Iterator[None]:
    """Return to the user's folder if a third party's command has changed it, with a warning."""
    global _folder, _running  # noqa: PLW0603  # a process has one current folder
    _folder = _folder if _running else _current()
    _running += 1
    try:
        yield
    finally:
        _running -= 1
        origin = node.provided.origin if node.provided else None
        if origin is None or origin.built_in:
            _folder = _current()
        elif _folder is not None and _current() != _folder:
            os.chdir(_folder)
            warn(f"{origin}: {' '.join(node.path)} changed the current folder; it is changed back")


def _current() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  # only compared as text
    except OSError:
        return None  # the folder was deleted
