"""The functions of SSH that other plugins may use."""

from atoll_ssh.bastion import Bastion
from atoll_ssh.carrier import connect, uses_openssh
from atoll_ssh.contract import MOST_OUTPUT, Completed, NoForwarding, SshConnection

__all__ = [
    "MOST_OUTPUT",
    "Bastion",
    "Completed",
    "NoForwarding",
    "SshConnection",
    "connect",
    "uses_openssh",
]
