"""Completes paths of this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

from atoll._records import Candidate
from atoll._shell.matching import matches


def files(typed: str, *, folders_only: bool = False) -> list[Candidate]:
    """Return the paths that a typed path may become; folders end in a slash.

    Hidden files are left out unless a dot is typed. A folder that can't be read is treated as
    empty.
    """
    head, slash, start = typed.rpartition("/")
    try:
        # This works on text, since making paths of 100,000 names would take longer than reading
        # them.
        found = sorted(_names(os.path.expanduser(head + slash) or ".", start, folders_only))  # noqa: PTH111
    except (OSError, ValueError):  # ValueError: a NUL character
        return []
    above = head + slash
    fitting = matches(start, [Candidate(name) for name in found])
    return [Candidate(above + one.text) for one in fitting]


def _names(folder: str, start: str, folders_only: bool) -> Iterator[str]:
    with os.scandir(Path(folder)) as entries:
        for entry in entries:
            if is_shown(entry.name, start):
                is_folder = entry.is_dir()
                if is_folder or not folders_only:
                    yield f"{entry.name}/" if is_folder else entry.name


def is_shown(name: str, start: str) -> bool:
    """Whether a file is offered after `start` was typed: hidden files need a dot."""
    return not name.startswith(".") or start.startswith(".")
