"""The settings of this kernel, written by the engine before the start."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

KEPT = "ATOLL_KEPT_VARIABLES"
"""The variable in which the supervisor names those of its own that are to be handed on."""


class Settings:
    """The content of the engine's JSON file.

    `argv` starts the image's interpreter, `shell` a shell at a terminal, `environ` is for the
    user's programs, and `place` names a file with more of it (lines of NAME=VALUE), which may be
    written where the kernel runs. `memory` is in bytes, `processes` how many there may be where
    that can be limited from inside, `bootstrap` the path of a script, `task` what the kernel
    runs by itself and ends with (`run_id`, `command`), `patience` the seconds for
    which a program's output waits for a reader who stands still, `grace` those that programs have
    between being asked to end and being killed, and `services` what can be connected to (see
    `services.py`).
    """

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        self.language: str = content["language"]
        self.argv: list[str] = content["argv"]
        self.shell: list[str] = content["shell"]
        self.environ: dict[str, str] = environ_for_programs(
            {**content["environ"], **_told(content["place"])},
            os.environ,
            whole=content["prefixed"],
        )
        self.home: str = content["home"]
        self.memory: int | None = content["memory"]
        self.processes: int | None = content["processes"]
        self.bootstrap: str | None = content["bootstrap"]
        self.task: dict[str, str] | None = content["task"]
        self.patience: float = content["patience"]
        self.grace: float = content["grace"]
        self.services: dict[str, dict[str, Any]] = content["services"]


def _told(path: str | None) -> dict[str, str]:
    """Read what a kernel is told about its place."""
    try:
        with open(path or "", encoding="utf-8", errors="replace") as file:
            pairs = [line.rstrip("\n").partition("=") for line in file]
    except OSError:
        return {}
    return {name: value for name, equals, value in pairs if name and equals}


def environ_for_programs(
    decided: dict[str, str], found: Mapping[str, str], *, whole: bool
) -> dict[str, str]:
    """Return the environment of the user's programs: what was decided, and what is found besides.

    That is what the supervisor has kept of its own, and `whole` where a command before this program
    had the last word. The home is the session's in any case.
    """
    kept = found.get(KEPT, "").split(":")
    taken = {name: found[name] for name in (found if whole else kept) if name in found}
    taken.pop(KEPT, None)
    both = {**decided, **taken} if whole else {**taken, **decided}
    return {**both, "HOME": decided["HOME"]}
