"""Connect to the embedded cluster of another machine: all streams use one SSH connection."""

import trio
from attrs import define, evolve, field

from atoll import Profile, current_context
from atoll.transport import NotSent
from atoll_local.hosts.host import Access, Address, Host
from atoll_ssh.api import NoForwarding, SshConnection

_LOOPBACK = "127.0.0.1"


def connect(via: str) -> "HostDialer":
    """Return the dialer of a `via` like `host://me@bigbox`."""
    return HostDialer(Host.at(Address.parse(via)))


@define(eq=False)
class HostDialer:
    """Opens streams to the cluster of a machine (:class:`atoll.transport.CompletingDialer`).

    This starts the cluster there when a command needs it, and again if the cluster has ended.
    """

    _host: Host
    _relay: SshConnection | None = field(default=None, init=False)
    _access: Access | None = field(default=None, init=False)
    _asking: trio.Lock = field(factory=trio.Lock, init=False)

    async def complete(self, profile: Profile) -> Profile:
        """Add the keys of the cluster there to a profile."""
        access = await self._find(None)
        return evolve(profile, access_key=access.access_key, secret_key=access.secret_key)

    async def dial(self, host: str, port: int) -> trio.abc.HalfCloseableStream:
        """Open a stream to the port of the cluster there; the arguments are ignored."""
        del host, port
        access = await self._find(None)
        try:
            return await self._stream(access)
        except NotSent:
            return await self._stream(await self._find(access))

    async def aclose(self) -> None:
        """Close the streams and the connection; the cluster there keeps running."""
        await self._leave_relay()
        await self._host.ssh.aclose()

    async def _find(self, failed: Access | None) -> Access:
        """Return the access to the cluster; ask the machine again if `failed` did not work."""
        async with self._asking:
            if self._access is None or self._access is failed:
                await self._leave_relay()
                # Background requests of the prompt must not start the cluster.
                start = current_context.get() is not None
                self._access = await self._host.access(start=start, failed=failed is not None)
            return self._access

    async def _leave_relay(self) -> None:
        """End the relay, because the connection may allow only one SSH session at a time."""
        relay, self._relay = self._relay, None
        if relay is not None:
            await relay.aclose()

    async def _stream(self, access: Access) -> trio.abc.HalfCloseableStream:
        if self._relay is None:
            try:
                return await self._host.ssh.dial(_LOOPBACK, access.port)
            except NoForwarding:
                # Another task may have started the relay meanwhile; a host may allow only one.
                if self._relay is None:
                    self._relay = self._host.relay()
        return await self._relay.dial(_LOOPBACK, access.port)
