"""What other plugins may use of SSH."""

from atoll_ssh.bastion import Bastion
from atoll_ssh.connection import MOST_OUTPUT, Completed, NoForwarding, SshConnection, connect

__all__ = ["MOST_OUTPUT", "Bastion", "Completed", "NoForwarding", "SshConnection", "connect"]
