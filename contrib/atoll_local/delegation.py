"""Starting the program where systemd lets this user set limits to what it starts."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_LINGERING = Path("/var/lib/systemd/linger")
_PATIENCE = 5.0
_OPTIONS = ("--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--")


def delegating(lingering: Path = _LINGERING) -> Sequence[str]:
    """Return the words before a command that give it a control group to divide, none if none do.

    The user's systemd ends all that it has when the user logs out, unless it lingers: where it does
    not, sessions are better off without it. Nor does root need it.
    """
    program, runtime = shutil.which("systemd-run"), os.environ.get("XDG_RUNTIME_DIR")
    if program is None or runtime is None or os.geteuid() == 0:
        return ()
    if not (Path(runtime) / "systemd/private").exists() or not lingers(lingering):
        return ()
    words = (program, *_OPTIONS)
    return words if _works(words) else ()


def lingers(lingering: Path = _LINGERING) -> bool:
    """Tell whether what this user has started stays when the user logs out."""
    try:
        return (lingering / getpass.getuser()).exists()
    except (OSError, KeyError):
        return False  # a user without a name


def _works(words: Sequence[str]) -> bool:
    try:
        tried = subprocess.run([*words, "true"], capture_output=True, timeout=_PATIENCE)  # noqa: PLW1510
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0
