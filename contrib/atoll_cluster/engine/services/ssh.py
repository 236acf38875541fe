"""SSH and SFTP in a kernel: `sshd`, with OpenSSH's server or a built-in one.

The kernel starts OpenSSH's server once for each tunnel, and the built-in server at the first
tunnel. Each kernel has two keys in its folder, which a restart does not change: the host key, and
the user's key, which the home contains as `id_container`. The user's key is the keypair that the
session's owner has stored, or else a new one.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from atoll_cluster.engine.contract import EngineError, KernelSpec, Service, SshKeypair
from atoll_cluster.engine.folder import KernelFolder
from atoll_cluster.storage.tree import PathError, Tree

from . import own_python
from .definition import SOCKET, KernelSite, ServiceDefinition

IDENTITY = "id_container"
"""The file of the private key in the home, which the session's owner can download."""
PUBLISHED = ".ssh/ssh_host_keys.pub"
"""The file of the public host key in the home, for clients that do not read it from the API."""
_USERS_OWN = ".ssh/id_rsa"
_SERVER = Path(__file__).with_name("ssh_server.py")
_HOST_KEY, USER_KEY, _AUTHORIZED = "host_key", "user_key", "authorized_keys"
"""Files in a kernel's `keys/`, and in the folder with copies that the kernel sees."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_CONFIG = """\
HostKey {share}/ssh/host_key
AuthorizedKeysFile {share}/ssh/authorized_keys .ssh/authorized_keys
StrictModes no
AllowUsers work
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxAuthTries 20
MaxSessions 100
ClientAliveInterval 30
PrintMotd no
PrintLastLog no
AcceptEnv LANG LC_* COLORTERM
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
Subsystem sftp internal-sftp
PidFile none
LogLevel ERROR
"""


def define(openssh: Path | None, site: KernelSite) -> ServiceDefinition:
    """Define the service, and write its keys and configuration."""
    host_key = _write_server_files(site)
    service = Service(name="sshd", protocol="tcp", ports=(2200,), host_key=host_key)
    share = site.paths.share / "ssh"
    if openssh is not None and site.is_sandboxed:
        argv = (str(openssh), "-i", "-f", str(share / "sshd_config"))
        return ServiceDefinition(service=service, kind="connection", argv=argv)
    return ServiceDefinition(
        service=service,
        kind="socket",
        argv=own_python.argv(str(share / "server.py"), str(share), SOCKET),
        environ=own_python.environ(),
        prefixes=own_python.prefixes(),
    )


def _write_server_files(site: KernelSite) -> str:
    """Write the server's files; returns the host's public key."""
    keys, share = site.folder.keys, site.folder.share / "ssh"
    keys.mkdir(mode=0o700, exist_ok=True)
    share.mkdir(mode=0o700)
    _ensure(keys / _HOST_KEY, None)
    _ensure(keys / USER_KEY, site.spec.ssh_keypair)
    public = (keys / f"{_HOST_KEY}.pub").read_text("ascii").strip()
    _write(share / _HOST_KEY, (keys / _HOST_KEY).read_text("ascii"))
    _write(share / _AUTHORIZED, (keys / f"{USER_KEY}.pub").read_text("utf-8"))
    config = _CONFIG.format(share=site.paths.share)
    _write(share / "sshd_config", config + _set_env(site.environ))
    _write(share / "server.py", _SERVER.read_text("utf-8"))
    _install_keys(Tree(site.folder.home), site.spec, (keys / USER_KEY).read_text("utf-8"), public)
    return public


def _install_keys(home: Tree, spec: KernelSpec, user_key: str, host_key: str) -> None:
    """Put keys into the home, for downloads and for logins to other sessions."""
    _add_file(home, IDENTITY, user_key, 0o600)
    if any(mount.name == ".ssh" for mount in spec.mounts):
        return  # The mounted folder contains the owner's own keys.
    _add_file(home, PUBLISHED, f"{host_key}\n", 0o644)
    if spec.ssh_keypair is not None:
        _add_file(home, _USERS_OWN, user_key, 0o600)


def own_files(folder: KernelFolder) -> Mapping[str, str]:
    """Return files of a home that only its kernel needs, by path."""
    try:
        user_key = (folder.keys / USER_KEY).read_text("utf-8")
        host_key = (folder.keys / f"{_HOST_KEY}.pub").read_text("ascii").strip()
    except FileNotFoundError:
        return {}
    return {IDENTITY: user_key, PUBLISHED: f"{host_key}\n", _USERS_OWN: user_key}


def _ensure(path: Path, given: SshKeypair | None) -> None:
    """Store a keypair at `path` and `path`.pub unless it exists: `given`, or else a new one."""
    if path.exists():
        return
    pair = given or _new_pair()
    path.with_suffix(".pub").write_text(pair.public.strip() + "\n", "utf-8")
    _write(path, pair.private)


def _new_pair() -> SshKeypair:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return SshKeypair(public.decode(), private.decode())


def _set_env(environ: Mapping[str, str]) -> str:
    """Return the configuration line with the session's environment.

    It leaves out variables that SSH's configuration cannot express: names with other characters
    than letters, digits and `_`, and values with a line break.
    """
    quoted = [
        '"{}={}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in environ.items()
        if name != "TERM" and _NAME.fullmatch(name) and "\n" not in value
    ]
    return f"SetEnv {' '.join(quoted)}\n"


def _add_file(home: Tree, path: str, text: str, mode: int) -> None:
    """Create a file in the home, unless it exists."""
    try:
        home.make(str(Path(path).parent), exist_ok=True)
        with home.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            os.fchmod(descriptor, mode)
            os.write(descriptor, text.encode())
    except FileExistsError:
        return
    except (OSError, PathError) as error:
        raise EngineError(f"cannot write {path}: {error}") from error


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
