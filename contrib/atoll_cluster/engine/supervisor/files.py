"""Read and write the supervisor's files, without pathlib, which would double the memory use."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STATE, END = "supervisor.json", "exit.json"


def is_abandoned() -> bool:
    """Return whether the kernel's folder was deleted."""
    return not os.path.exists(STATE)


def write_json(name: str, content: dict[str, Any]) -> None:
    """Write a file; a reader finds the complete file or no file, even after a power failure."""
    new = f"{name}.new"
    write(new, json.dumps(content))
    os.replace(new, name)


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if os.path.isfile(path):
            os.fsync(file.fileno())
