"""Completes the system's programs, for the words after `!` and `|`."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache

from atoll._records import Candidate
from atoll._shell.files import files
from atoll._shell.matching import matches

_FRESH = 30.0
"""Seconds for which the list of programs is kept."""


def programs(typed: str) -> Sequence[Candidate]:
    """Return the programs that a typed word may become; a word with a slash is a path."""
    if "/" in typed or typed.startswith("~"):
        return files(typed)
    return matches(typed, _programs(tuple(os.get_exec_path()), int(time.monotonic() / _FRESH)))


@lru_cache(1)
def _programs(folders: Sequence[str], _when: int) -> Sequence[Candidate]:
    return [Candidate(name) for name in sorted(set(_names(folders)))]


def _names(folders: Sequence[str]) -> Iterator[str]:
    for folder in folders:
        with suppress(OSError, ValueError), os.scandir(folder or ".") as entries:
            yield from (entry.name for entry in entries if _runs(entry))


def _runs(entry: "os.DirEntry[str]") -> bool:
    return entry.is_file() and os.access(entry.path, os.X_OK)
