"""Use the sandbox that a kernel may have, if it works on this machine."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPTIONS_FD = 4
"""The descriptor from which bubblewrap reads its options."""
WRAPPERS = 2
"""How many processes of bubblewrap are between the supervisor and the kernel."""
ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def choose(launch: dict[str, Any]) -> str:
    """Put a sandbox before the kernel's command; returns a line that tells why there is none.

    The line is empty if there is one, or if none was asked for.
    """
    sandbox = launch.get("sandbox")
    if not sandbox:
        return ""
    for program in sandbox["programs"]:
        if works(program, sandbox["options"]):
            launch["argv"] = [program, "--args", str(OPTIONS_FD), *last_options(), *launch["argv"]]
            launch.update(files=[sandbox["options"]], plain=False, wrappers=WRAPPERS, program=None)
            return ""
    return f"this session has no sandbox, because {os.uname().nodename} allows none\n"


def last_options() -> list[str]:
    """Return options that only this machine knows, and the end of the options."""
    place = os.environ.get("TMPDIR", "")
    own = ["--bind", place, place] if os.path.isdir(place) else []
    return [*own, "--remount-ro", "/", "--"]


def works(program: str, options: str) -> bool:
    """Return whether the sandbox can start a program."""
    pid = os.fork()
    if pid == 0:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            os.dup2(os.open(options, os.O_RDONLY), OPTIONS_FD)
            os.set_inheritable(OPTIONS_FD, True)  # It may have had this number before.
            argv = [program, "--args", str(OPTIONS_FD), *last_options(), "true"]
            os.execvpe(program, argv, ENVIRON)  # noqa: S606 - no shell is wanted
        except OSError:
            os._exit(127)
    return os.waitpid(pid, 0)[1] == 0
