"""The byte streams for httpcore: trio's, or those of a dialer."""

# ruff: noqa: ASYNC109  # httpcore's interface hands time-outs over as arguments

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from mmap import mmap
from typing import Any

import httpcore
import trio

from atoll import Profile, Unreachable
from atoll.transport import Dialer, NotSent
from atoll_rest.address import address
from atoll_rest.tcp import CONNECT_TIMEOUT, open_stream
from atoll_rest.tls import find_tls_error, tls_failure

_READ = 1024 * 1024
"""The most bytes that are read at once; with the 64 KiB that httpcore requests, large files would
take longer.
"""


class Network(httpcore.AsyncNetworkBackend):
    """Opens streams to the endpoint, or to the proxy; errors name the proxy if there is one."""

    def __init__(self, profile: Profile, dialer: Dialer | None = None, *, proxy: str = "") -> None:
        self._profile = profile
        self._dialer = dialer
        self._name = proxy or profile.endpoint

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002  # httpcore's signature; never asked for here
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002  # as above
    ) -> httpcore.AsyncNetworkStream:
        """Open a stream; raises NotSent, or Unreachable from the dialer."""
        stream = await open_stream(
            host,
            port,
            name=self._name,
            dialer=self._dialer,
            patience=CONNECT_TIMEOUT if timeout is None else timeout,
        )
        return NetworkStream(stream, self._profile, self._name)

    async def sleep(self, seconds: float) -> None:
        """Wait between httpcore's attempts to connect."""
        await trio.sleep(seconds)


class NetworkStream(httpcore.AsyncNetworkStream):
    """A byte stream that raises the errors which httpcore expects."""

    def __init__(self, stream: trio.abc.Stream, profile: Profile, name: str) -> None:
        self._stream = stream
        # The buffer is reused, since the system would have to clear new pages for each piece.
        # Memory is only allocated for the part of it that is used.
        self._room = memoryview(mmap(-1, _READ))
        self._has_ended = False
        self._profile = profile
        self._name = name

    def end(self) -> None:
        """From now on, make reads return the end of the stream."""
        self._has_ended = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes, empty at the end."""
        if self._has_ended:
            return b""
        with _as_httpcore(httpcore.ReadError, httpcore.ReadTimeout), _deadline(timeout):
            if (sock := _receiving(self._stream)) is not None:
                count = await sock.recv_into(self._room)
                return bytes(self._room[:count])
            return bytes(await self._stream.receive_some(max(max_bytes, _READ)))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the whole `buffer`."""
        if buffer:
            with _as_httpcore(httpcore.WriteError, httpcore.WriteTimeout), _deadline(timeout):
                await self._stream.send_all(buffer)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Continue under TLS; raises Unreachable with the reason if it fails."""
        # Through a proxy, the first handshake may be with the proxy and the next with the endpoint.
        at_endpoint = server_hostname == address(self._profile).host
        name = self._profile.endpoint if at_endpoint else self._name
        secured = trio.SSLStream(
            self._stream, ssl_context, server_hostname=server_hostname, https_compatible=True
        )
        try:
            with _deadline(timeout):
                await secured.do_handshake()
        except trio.TooSlowError:
            await trio.aclose_forcefully(self._stream)
            raise NotSent(f"{name} does not answer the TLS handshake") from None
        except trio.BrokenResourceError as error:
            await trio.aclose_forcefully(self._stream)
            raise _handshake_failure(error, name) from None
        return NetworkStream(secured, self._profile, name)

    def get_extra_info(self, info: str) -> Any:
        """Tell the pool whether the other side has closed an idle connection."""
        stream = self._stream
        while isinstance(stream, trio.SSLStream):
            stream = stream.transport_stream
        if info != "is_readable":
            return None
        # If a dialer's stream can't tell, it counts as closed: on a closed stream a request would
        # be lost, and not every request may be sent again.
        sock = _receiving(stream)
        return sock is None or sock.is_readable()


def _receiving(stream: object) -> "trio.socket.SocketType | None":
    """Return the socket from which a stream receives; None if it has none.

    A stream may have a socket for each direction, as :class:`trio.StapledStream` has.
    """
    half = getattr(stream, "receive_stream", stream)
    return half.socket if isinstance(half, trio.SocketStream) else None


def _handshake_failure(error: trio.BrokenResourceError, name: str) -> Unreachable:
    cause = find_tls_error(error)
    if cause is None:
        return Unreachable(f"{name} broke off the TLS handshake")
    return tls_failure(cause, name)


def _deadline(timeout: float | None) -> Any:
    return trio.fail_after(float("inf") if timeout is None else timeout)


@contextmanager
def _as_httpcore(broken: type[Exception], slow: type[Exception]) -> Iterator[None]:
    try:
        yield
    except trio.TooSlowError:
        raise slow from None
    except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
        raise broken(str(error)) from error
