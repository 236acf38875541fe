"""Find which programs of services this machine has, and tell how to install the others."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from attrs import frozen

from . import own_python

_SYSTEM = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
_TTYD_PACKAGE = "ai.backend.krunner.static_gnu"
"""Backend.AI's package of programs for containers; it contains a ttyd that needs no libraries."""
_APPS = "is not installed on this machine: " + (
    "atoll host upgrade --apps, from where atoll was installed here"
    if own_python.is_sent()
    else "pip install 'atoll[apps]'"
)
_THEN = "; then restart the cluster (atoll local down), and start a new session"
_HINTS = {
    "sshd": f"OpenSSH's server is not installed on this machine: install openssh-server{_THEN}",
    "jupyter": f"JupyterLab {_APPS}{_THEN}",
    "jupyterlab": f"JupyterLab {_APPS}{_THEN}",
    "ttyd": f"ttyd {_APPS}, or put one on the PATH{_THEN}",
}


@frozen(kw_only=True)
class Ttyd:
    """A ttyd; newer versions need an option to allow input (`asks_for_writable`)."""

    path: Path
    asks_for_writable: bool


@frozen(kw_only=True)
class Installed:
    """The programs that were found; the value of a missing program is None or False."""

    openssh: Path | None = None
    asyncssh: bool = False
    ttyd: Ttyd | None = None
    jupyterlab: bool = False

    @classmethod
    def discover(cls) -> Self:
        """Scan the machine."""
        ours = own_python.can_be_shown()
        return cls(
            openssh=_openssh(),
            asyncssh=ours,
            ttyd=_ttyd(),
            jupyterlab=ours and own_python.has("jupyterlab"),
        )

    def missing(self) -> Mapping[str, str]:
        """Return the services whose programs are missing, each with a hint how to install."""
        absent = set() if self.jupyterlab else {"jupyter", "jupyterlab"}
        if self.ttyd is None:
            absent.add("ttyd")
        if not (self.openssh or self.asyncssh):
            absent.add("sshd")
        return {name: hint for name, hint in _HINTS.items() if name in absent}


def _openssh() -> Path | None:
    """Return OpenSSH's server, if kernels can see it."""
    found = Path(os.path.realpath(shutil.which("sshd", path=_SYSTEM) or "/"))
    return found if own_python.is_shared(found) else None


def _ttyd() -> Ttyd | None:
    folder = own_python.folder_of(_TTYD_PACKAGE)
    brought = folder / f"ttyd_linux.{platform.machine()}.bin" if folder else None
    if found := shutil.which("ttyd"):
        path = Path(os.path.realpath(found))
    elif brought and os.access(brought, os.X_OK):
        path = brought
    else:
        return None
    version = _version(path)
    return Ttyd(path=path, asks_for_writable=version >= (1, 7, 4)) if version else None


def _version(program: Path) -> tuple[int, ...] | None:
    """Ask a program for its version; None if it does not run or tells no version."""
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", answer.stdout + answer.stderr)
    return tuple(map(int, match.groups())) if match else None
