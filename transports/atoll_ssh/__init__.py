"""SSH: a dialer through a bastion for the other transports, and clients for machines without
OpenSSH.

This small module only registers :mod:`atoll_ssh.connection`.
"""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Register the dialer for `via: ssh://user@bastion` of a profile."""
    yield Transport("dial", ("ssh",), load="atoll_ssh.connection:connect", asyncio=True)
