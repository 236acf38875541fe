"""Files that only their owner can read, and folders that only their owner can enter."""

import os
from pathlib import Path


def make_private(folder: Path) -> Path:
    """Create a folder that only its owner can enter, with the folders above it; returns it."""
    for missing in reversed([folder, *folder.parents]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder


def open_private(path: Path, flags: int) -> int:
    """Open a file for writing; if it is created, only its owner can read it."""
    return os.open(path, flags | os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)


def write_atomic(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a whole file in one step, or leave the old one unchanged; its permissions are never
    wider than `mode`.
    """
    make_private(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
