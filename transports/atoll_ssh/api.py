"""The functions of SSH that other plugins may use."""

from atoll_ssh.bastion import Bastion
from atoll_ssh.connection import NoForwarding, SshConnection, connect, connect_or_join
from atoll_ssh.master import MOST_OUTPUT, Completed

__all__ = [
    "MOST_OUTPUT",
    "Bastion",
    "Completed",
    "NoForwarding",
    "SshConnection",
    "connect",
    "connect_or_join",
]
