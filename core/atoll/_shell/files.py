"""Names of files for the completion of paths."""

import os
from itertools import islice
from pathlib import Path

from atoll._records import Candidate

_MOST = 1000


def files(typed: str, *, folders_only: bool = False) -> list[Candidate]:
    """Return what lies in the folder that the typed path names; folders end in a slash.

    Hidden files are left out until a dot is typed. A folder that can't be read holds nothing.
    """
    head, slash, start = typed.rpartition("/")
    folder = Path(head + slash or ".").expanduser()
    try:
        with os.scandir(folder) as entries:
            visible = (entry for entry in entries if is_shown(entry.name, start))
            found = sorted((entry.name, entry.is_dir()) for entry in islice(visible, _MOST))
    except (OSError, RuntimeError):  # RuntimeError: ~somebody who does not exist
        return []
    return [
        Candidate(f"{head}{slash}{name}{'/' * is_folder}")
        for name, is_folder in found
        if is_folder or not folders_only
    ]


def is_shown(name: str, start: str) -> bool:
    """Whether to show a file where `start` has been typed: hidden ones need a dot."""
    return not name.startswith(".") or start.startswith(".")
