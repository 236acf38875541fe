"""The paths and environment variables of a kernel's programs."""

from pathlib import Path

from attrs import frozen

from .contract import KernelSpec

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@frozen(kw_only=True)
class KernelPaths:
    """Paths as the kernel sees them; in a sandbox they differ from the paths on the host."""

    home: Path
    share: Path
    program: Path


def environ(spec: KernelSpec, paths: KernelPaths) -> dict[str, str]:
    """Return the environment of the user's programs; `spec.environ` has precedence."""
    search_path = [paths.home / ".local/bin", paths.share / "bin", SYSTEM_PATH]
    return {
        "HOME": str(paths.home),
        "USER": "work",
        "LOGNAME": "work",
        "SHELL": "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
        "PATH": ":".join(map(str, search_path)),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHONUNBUFFERED": "1",
        # Debian forbids pip to change the folders of the system; here they are read-only anyway.
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "BACKENDAI_KERNEL_ID": spec.kernel_id,
        "BACKENDAI_SESSION_ID": spec.session_id,
        "BACKENDAI_SESSION_NAME": spec.session_name,
        "BACKENDAI_CLUSTER_ROLE": spec.cluster_role,
        "BACKENDAI_CLUSTER_IDX": str(spec.cluster_index),
        "BACKENDAI_CLUSTER_HOST": spec.hostname,
        **spec.environ,
    }
