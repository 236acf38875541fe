"""Let the kernels of a session on other machines reach each other by name: `ssh sub1`.

On this machine, the sandbox has its own file of host names. On other nodes only the administrator
can add host names. So a session of several kernels gets its own `ssh`, `scp` and `sftp`, which know
the names and connect through the relay of the other kernel: users need no port, and both sides
prove that they have that kernel's key.
"""

import shlex
import sys
from pathlib import Path

from .contract import KernelSpec
from .environment import SYSTEM_PATH
from .folder import KernelFolder
from .launcher import RELAY
from .services.ssh import USER_KEY

PROGRAMS = ("ssh", "scp", "sftp")
PLACE = "environ"
"""A file in a kernel's `run/` with lines of NAME=VALUE, which its launcher may write on a node."""

# SSH need not check host keys: the relay has proved by a key that it belongs to this kernel.
_HOST = """\
Host {name}
    User work
    IdentityFile "{identity}"
    IdentitiesOnly yes
    ProxyCommand {command}
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""
_PROGRAM = """\
#!/bin/sh
for folder in {folders}; do
    if [ -x "$folder/{name}" ]; then exec "$folder/{name}" -F {config} "$@"; fi
done
echo '{name}: this node has no SSH client' >&2
exit 127
"""


def introduce(spec: KernelSpec, folder: KernelFolder) -> None:
    """Write the SSH programs and settings for a kernel of a session with several kernels."""
    if len(spec.peers) < 2:
        return
    config = folder.share / "ssh" / "config"
    config.parent.mkdir(mode=0o700, exist_ok=True)
    hosts = [_host(name, folder.path.parent / kernel) for name, kernel in spec.peers.items()]
    own = folder.home / ".ssh" / "config"
    config.write_text("".join([*hosts, f'Match all\n    Include "{own}"\n']), "utf-8")
    for name in PROGRAMS:
        program = folder.share / "bin" / name
        folders = " ".join(SYSTEM_PATH.split(":"))
        text = _PROGRAM.format(name=name, config=shlex.quote(str(config)), folders=folders)
        program.write_text(text, "utf-8")
        program.chmod(0o755)


def _host(name: str, peer: Path) -> str:
    command = shlex.join([sys.executable, "-I", "-S", str(RELAY), "reach", str(peer), "sshd"])
    identity = KernelFolder(peer).keys / USER_KEY
    return _HOST.format(name=name, identity=_doubled(str(identity)), command=_doubled(command))


def _doubled(text: str) -> str:
    """Double percent signs, because SSH's configuration replaces `%h` and others by values."""
    return text.replace("%", "%%")
