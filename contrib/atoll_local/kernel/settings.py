"""What the engine decided about this kernel before it started it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Settings(NamedTuple):
    """Read from the JSON file that the engine wrote; `argv` starts the image's interpreter."""

    language: str
    argv: list[str]
    environ: dict[str, str]
    home: str
    memory: int | None
    bootstrap: str | None

    @classmethod
    def read(cls, path: Path) -> Settings:
        return cls(**json.loads(path.read_text("utf-8")))
