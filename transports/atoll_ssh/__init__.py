"""SSH: a dialer through a bastion for the other transports, and clients for machines without
OpenSSH.

This light module only offers :mod:`atoll_ssh.connection`.
"""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Offer the dialer for a profile's `via: ssh://user@bastion`."""
    yield Transport("dial", ("ssh",), load="atoll_ssh.connection:connect", asyncio=True)
