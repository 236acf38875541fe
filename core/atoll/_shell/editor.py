"""Leaves the prompt for a while at a key, and returns to it with a new line."""

import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import trio

from atoll._system import run_system
from atoll._warnings import warn
from atoll.text import quote

_EDITORS = ("editor", "vi", "nano")
"""Editors that are tried if the environment names none."""

Action = Callable[[str], Awaitable[str]]
"""Gets the typed line, and returns the line for the prompt afterwards."""


class LeavePrompt(Exception):
    """The prompt is left for a while; `action` is called with the typed line, and returns the new
    one.
    """

    def __init__(self, action: Action, text: str) -> None:
        super().__init__()
        self.action = action
        self.text = text


async def edit(text: str, environ: Mapping[str, str]) -> str:
    """Let the user edit a text in an editor; returns it unchanged if that fails."""
    editor = environ.get("VISUAL") or environ.get("EDITOR") or _known_editor()
    if not editor:
        warn("no editor was found: name one in EDITOR")
        return text
    with tempfile.TemporaryDirectory(prefix="atoll-") as folder:
        # Nobody else may enter the folder. The file's name tells editors the type of the text.
        file = trio.Path(folder) / "line.sh"
        await file.write_text(f"{text}\n", encoding="utf-8")
        code = await run_system(f"{editor} {quote(str(file))}", sys.__stdin__, foreground=True)
        if code:
            warn(f"{editor} has failed ({code}): the line is unchanged")
            return text
        return _read(Path(folder) / "line.sh", text)


def _read(file: Path, otherwise: str) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError) as error:
        warn(f"the line is unchanged: {error}")
        return otherwise


def _known_editor() -> str:
    return next((name for name in _EDITORS if shutil.which(name, path=os.environ.get("PATH"))), "")
