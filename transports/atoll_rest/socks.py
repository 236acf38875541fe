"""Byte streams through a SOCKS 5 proxy (RFC 1928, passwords as in RFC 1929)."""

import ipaddress
import socket

import trio
from attrs import frozen

from atoll import Unreachable
from atoll.transport import NotSent
from atoll_rest.proxies import Proxy
from atoll_rest.tcp import CONNECT_TIMEOUT, open_stream

_VERSION, _CONNECT = 5, 1
_NO_PASSWORD, _PASSWORD = 0, 2
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_SIZES = {_IPV4: 4, _IPV6: 16}
_REASONS = {
    2: "its rules forbid that",
    3: "the network is unreachable",
    4: "the host can't be reached",
    5: "nothing listens there",
    6: "no answer",
}


@frozen
class SocksDialer:
    """Opens streams through a proxy (:class:`atoll.transport.Dialer`)."""

    proxy: Proxy

    async def dial(self, host: str, port: int) -> trio.abc.HalfCloseableStream:
        """Open a stream to `host:port`, as resolved by the proxy; raises NotSent and
        Unreachable.
        """
        proxy = self.proxy
        stream = await open_stream(proxy.host, proxy.port, name=str(proxy), dialer=None)
        try:
            with trio.fail_after(CONNECT_TIMEOUT):
                await self._log_in(stream)
                await self._ask(stream, await self._destination(host), host, port)
        except (trio.TooSlowError, trio.BrokenResourceError, EOFError):
            await trio.aclose_forcefully(stream)
            raise NotSent(f"{proxy} does not answer as a SOCKS proxy") from None
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    async def aclose(self) -> None:
        """Do nothing, since the streams are independent of the dialer."""

    async def _log_in(self, stream: trio.abc.Stream) -> None:
        method = _PASSWORD if self.proxy.user else _NO_PASSWORD
        await stream.send_all(bytes([_VERSION, 1, method]))
        if await _read(stream, 2) != bytes([_VERSION, method]):
            hint = "give it as socks5://USER:PASSWORD@HOST" if method == _NO_PASSWORD else ""
            raise Unreachable(
                f"{self.proxy} requires another login method", hint=hint, permanent=True
            )
        if method == _PASSWORD:
            user, password = self.proxy.user.encode(), self.proxy.password.encode()
            await stream.send_all(b"\1" + _counted(user) + _counted(password))
            if (await _read(stream, 2))[1]:
                raise Unreachable(f"{self.proxy} refused the user and the password", permanent=True)

    async def _destination(self, host: str) -> bytes:
        """Return the host in the form of a request; with `socks5`, names are looked up here, as
        curl does.
        """
        if self.proxy.scheme == "socks5":
            try:
                found = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except OSError:
                raise NotSent(f"there is no host {host}, as seen from here") from None
            host = str(found[0][4][0])
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return bytes([_NAME]) + _counted(host.encode())
        return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed

    async def _ask(self, stream: trio.abc.Stream, destination: bytes, host: str, port: int) -> None:
        request = bytes([_VERSION, _CONNECT, 0]) + destination + port.to_bytes(2)
        await stream.send_all(request)
        version, code, _, kind = await _read(stream, 4)
        if version != _VERSION:
            raise EOFError
        if code:
            reason = _REASONS.get(code, f"error {code}")
            raise NotSent(f"{self.proxy} can't reach {host}:{port}: {reason}")
        size = _ADDRESS_SIZES.get(kind) or (await _read(stream, 1))[0]
        await _read(stream, size + 2)  # the address that the proxy reports is not used


def _counted(text: bytes) -> bytes:
    if len(text) > 255:
        raise Unreachable(
            "a SOCKS proxy takes no names and passwords of more than 255 bytes", permanent=True
        )
    return bytes([len(text)]) + text


async def _read(stream: trio.abc.Stream, count: int) -> bytes:
    """Read exactly this many bytes; raises EOFError if the stream ends earlier."""
    data = b""
    while len(data) < count:
        some = await stream.receive_some(count - len(data))
        if not some:
            raise EOFError
        data += some
    return data
