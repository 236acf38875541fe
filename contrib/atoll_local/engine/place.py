"""Where a kernel's programs find their things, and their environment."""

from pathlib import Path

from attrs import frozen

from .contract import KernelSpec

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@frozen(kw_only=True)
class Place:
    """Where the kernel program finds things: other paths than the host's when it is sandboxed."""

    home: Path
    share: Path
    program: Path


def environ(spec: KernelSpec, place: Place) -> dict[str, str]:
    """Make the environment of the user's programs; `spec.environ` has the last word."""
    paths = [place.home / ".local/bin", place.share / "bin", SYSTEM_PATH]
    return {
        "HOME": str(place.home),
        "USER": "work",
        "LOGNAME": "work",
        "SHELL": "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
        "PATH": ":".join(map(str, paths)),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHONUNBUFFERED": "1",
        # Debian's mark against pip means the system's own folders, which are read-only here
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "BACKENDAI_KERNEL_ID": spec.kernel_id,
        "BACKENDAI_SESSION_ID": spec.session_id,
        "BACKENDAI_SESSION_NAME": spec.session_name,
        "BACKENDAI_CLUSTER_ROLE": spec.cluster_role,
        "BACKENDAI_CLUSTER_IDX": str(spec.cluster_index),
        "BACKENDAI_CLUSTER_HOST": spec.hostname,
        **spec.environ,
    }
