"""Choose what makes connections: the user's OpenSSH, or asyncssh if that is missing.

Importing this costs nothing.
"""

import os
import shutil

from atoll_ssh.contract import SshConnection


def uses_openssh() -> bool:
    """Tell whether OpenSSH carries connections: if it is installed, and `ATOLL_SSH_CLIENT` is not
    `builtin`.
    """
    return os.environ.get("ATOLL_SSH_CLIENT") != "builtin" and shutil.which("ssh") is not None


def connect(via: str) -> SshConnection:
    """Return the connection for a `via` like `ssh://me@bastion`; raises ConfigError.

    It needs an asyncio loop (:func:`atoll.aio`) unless `uses_openssh()`.
    """
    from atoll_ssh.bastion import Bastion

    bastion = Bastion.parse(via)
    if uses_openssh():
        from atoll_ssh.openssh.connection import connect_to

        return connect_to(bastion)
    from atoll_ssh.builtin.connection import connect_to as connect_by_asyncssh

    return connect_by_asyncssh(bastion)
