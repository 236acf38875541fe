"""How the kernels of a session reach each other where nobody may give them names: by `ssh sub1`.

On this machine a sandbox has a file of hosts. On nodes of others only their administrator can name
hosts, so a session of several kernels gets `ssh`, `scp` and `sftp` of its own, which know the names
and go through the relay of the kernel that is wanted: no port needs to be known, and both sides
show that they have that kernel's key.
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
"""A file in a kernel's `run/`: lines of NAME=VALUE, which its launcher may write on the node."""

# The relay has shown already that it is the right kernel, by a key that this session alone has.
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
    """Tell a kernel of a session of several how it reaches the others, by files in its folder."""
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
    """Write the signs by which SSH's configuration would put something else in their place."""
    return text.replace("%", "%%")
