"""SSH: a dialer through a bastion for the other transports, and clients for machines without
OpenSSH.

This small module only registers :mod:`atoll_ssh.carrier`.
"""

from collections.abc import Iterable

from atoll import Setting, Transport, hookimpl
from atoll_ssh.carrier import uses_openssh


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Register the dialer for `via: ssh://user@bastion` of a profile."""
    yield Transport("dial", ("ssh",), load="atoll_ssh.carrier:connect", asyncio=not uses_openssh())


@hookimpl
def atoll_settings() -> Iterable[Setting]:
    """Add the setting `ssh.persist`."""
    yield Setting("ssh.persist", 60, "Seconds that an unused connection to a host stays open")
