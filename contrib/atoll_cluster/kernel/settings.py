"""The settings of this kernel, which the engine writes before the kernel starts."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

KEPT_VARIABLES = "ATOLL_KEPT_VARIABLES"
"""The variable in which the supervisor lists the variables that programs must get, too."""


class Settings:
    """The content of the engine's JSON file.

    `argv` is the command of the image's interpreter, `shell` the command of a shell in a terminal.
    `environ` is the environment of the user's programs; `place` is the path of a file with further
    variables (lines of NAME=VALUE), which a launcher may write on the kernel's machine. `memory` is
    the limit in bytes. `processes` is the limit of processes, None if it cannot be set from inside
    the kernel. `bootstrap` is the path of a script. `task` (`run_id`, `command`) is the command
    that the kernel runs by itself; the kernel ends when the command ends. `patience` is how many
    seconds a program's output waits for a reader that does not read. `grace` is the number of
    seconds between SIGTERM and SIGKILL. `services` are the services that clients can connect to
    (see `services.py`).
    """

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        self.language: str = content["language"]
        self.argv: list[str] = content["argv"]
        self.shell: list[str] = content["shell"]
        self.environ: dict[str, str] = environ_for_programs(
            {**content["environ"], **_read_variables(content["place"])},
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


def _read_variables(path: str | None) -> dict[str, str]:
    """Read the file of variables that describe the place where the kernel runs."""
    try:
        with open(path or "", encoding="utf-8", errors="replace") as file:
            pairs = [line.rstrip("\n").partition("=") for line in file]
    except OSError:
        return {}
    return {name: value for name, equals, value in pairs if name and equals}


def environ_for_programs(
    decided: dict[str, str], found: Mapping[str, str], *, whole: bool
) -> dict[str, str]:
    """Return the environment of the user's programs, from `decided` and from `found`.

    `decided` are the variables that the engine has set, and `found` is the environment of this
    program. If an image's `prefix` has started this program, `whole` is true: then all variables of
    `found` are used and replace those of `decided`. Otherwise only those variables of `found` are
    added that the supervisor has kept. HOME is that of `decided` in any case.
    """
    kept = found.get(KEPT_VARIABLES, "").split(":")
    taken = {name: found[name] for name in (found if whole else kept) if name in found}
    taken.pop(KEPT_VARIABLES, None)
    both = {**decided, **taken} if whole else {**taken, **decided}
    return {**both, "HOME": decided["HOME"]}
