"""The command of each language to run code, and its default commands (`*`) in batch runs."""

from __future__ import annotations

import os
import shlex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .settings import Settings

SNIPPET_FLAG = {"bash": "-c", "node": "-e", "perl": "-e", "r": "-e", "ruby": "-e"}
SUFFIX = {"bash": ".sh", "node": ".js", "perl": ".pl", "python": ".py", "r": ".R", "ruby": ".rb"}
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
LONGEST_SNIPPET = 128 * 1024 - 1
"""Most bytes that Linux accepts in one argument of a program."""


def snippet_argv(settings: Settings, code: str) -> list[str]:
    """Build the command that runs `code`; raises ValueError if the code is too long."""
    if len(code.encode()) > LONGEST_SNIPPET:
        raise ValueError(f"a {settings.language} snippet may have {LONGEST_SNIPPET} bytes at most")
    return [*settings.argv, SNIPPET_FLAG.get(settings.language, "-c"), code]


def shell_argv(text: str) -> list[str]:
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    return [shell, "-c", text]


def choose(step: str, settings: Settings) -> str:
    """Return the default shell command (`*`) of this step; empty if there is none."""
    if step == "exec":
        return _choose_program(settings)
    if not any(os.path.isfile(os.path.join(settings.home, name)) for name in MAKEFILES):
        return ""
    return "make" if step == "build" else "make clean"


def _choose_program(settings: Settings) -> str:
    suffix = SUFFIX.get(settings.language, "")
    scripts = [name for name in os.listdir(settings.home) if name.endswith(suffix)]
    main = f"main{suffix}"
    if main in scripts:
        scripts = [main]
    if len(scripts) == 1:
        return shlex.join([*settings.argv, scripts[0]])
    if os.path.isfile(os.path.join(settings.home, "main")):
        return "./main"
    return f"echo 'nothing to run: there is no {main}, and not just one *{suffix}' >&2; exit 127"
