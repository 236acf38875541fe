"""Start the cluster's program in a delegated control group, if systemd allows it."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_LINGERING = Path("/var/lib/systemd/linger")
_TIMEOUT = 5.0
_OPTIONS = ("--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--")


def delegation_command(lingering: Path = _LINGERING) -> Sequence[str]:
    """Return the words before a command that delegate a control group to it; empty if impossible.

    Without lingering, the user's systemd ends all of its processes at logout, also sessions; then
    this returns no words. Root does not need a delegated group.
    """
    program, runtime = shutil.which("systemd-run"), os.environ.get("XDG_RUNTIME_DIR")
    if program is None or runtime is None or os.geteuid() == 0:
        return ()
    if not (Path(runtime) / "systemd/private").exists() or not lingers(lingering):
        return ()
    words = (program, *_OPTIONS)
    return words if _works(words) else ()


def lingers(lingering: Path = _LINGERING) -> bool:
    """Return whether this user's processes keep running after logout."""
    try:
        return (lingering / getpass.getuser()).exists()
    except (OSError, KeyError):
        return False  # the user has no name


def _works(words: Sequence[str]) -> bool:
    try:
        tried = subprocess.run([*words, "true"], capture_output=True, timeout=_TIMEOUT)  # noqa: PLW1510
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0
