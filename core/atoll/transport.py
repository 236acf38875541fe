"""The protocols that core expects of transports, and the records that they exchange.

There are three protocols, one for each kind of communication. They can be combined: a request
transport or channel transport that gets a dialer sends its bytes through it, and closes it at its
own end.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

from atoll._errors import Unreachable

if TYPE_CHECKING:
    import trio

    from atoll._profiles import Profile

__all__ = [
    "MOST_BYTES",
    "Ask",
    "ByteStream",
    "Channel",
    "ChannelClosed",
    "ChannelTransport",
    "CompletingDialer",
    "ConnectionLost",
    "Dialer",
    "Identity",
    "Login",
    "NotSent",
    "Part",
    "Request",
    "RequestTransport",
    "Response",
    "TooLong",
]


MOST_BYTES = 32 * 1024 * 1024
"""The longest answer that is kept in memory. Long lists come in pages, and files in streams."""


@frozen
class Part:
    """One file of a multipart upload: the form field, the file's name, its bytes."""

    field: str
    filename: str
    content: bytes
    content_type: str = "application/octet-stream"


@frozen(kw_only=True)
class Request:
    """One request, before it is signed.

    `path` is percent-encoded and starts with `/`, relative to the endpoint; `query` is appended in
    order. `version` is the API version to announce; it is empty in the request that asks for the
    version. `timeout` is how many seconds may pass between two pieces of the answer, None for no
    limit.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes | AsyncIterable[bytes] | None = None
    parts: Sequence[Part] = ()
    content_type: str = ""
    headers: Mapping[str, str] = field(factory=dict)
    version: str = ""
    signed: bool = True
    timeout: float | None = None


class Response(Protocol):
    """An answer whose body may not have arrived yet. Close it, or read it to its end."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, by lower-case name."""

    async def read(self, most: int = MOST_BYTES) -> bytes:
        """Return the whole body; raises ConnectionLost if the connection breaks before its end,
        TooLong if it is longer than `most` bytes.
        """

    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives, in pieces of limited size."""

    async def aclose(self) -> None:
        """Release the connection; the rest of the body is dropped."""


class RequestTransport(Protocol):
    """Sends signed requests to one profile's endpoint."""

    @property
    def proxy(self) -> str:
        """What requests go through in addition to the profile's `via`, such as a proxy from the
        environment; empty if there is nothing.
        """

    @property
    def origin(self) -> str:
        """Scheme, host and port in the cluster's address, such as `https://api.example.com`.

        The cluster takes them from the header `Host` as its own address, and returns URLs that
        begin with them. For an endpoint without a host they are `http://localhost`.
        """

    async def request(self, request: Request) -> Response:
        """Send a request; returns when the head of the answer has arrived, whatever its status.

        Raises :class:`NotSent` if no byte of the request can have reached the cluster, so that any
        request may be tried again, :class:`ConnectionLost` if the connection broke later, and
        another :class:`~atoll.Unreachable` if asking again would not help.
        """

    async def aclose(self) -> None:
        """Close all connections."""


@frozen
class Identity:
    """The user who is logged in, by the name that was given, and the access key of the requests."""

    user: str
    access_key: str = ""


class Ask(Protocol):
    """A function that asks the user."""

    async def __call__(
        self, question: str, *, hidden: bool = False, default: str | None = None
    ) -> str:
        """Return the answer; input is not shown if it is `hidden`.

        An empty answer means the `default`. Raises UsageError if nobody answers.
        """


class Login(Protocol):
    """The login of a user at one profile's endpoint; it is stored for later programs.

    A request transport offers it as its attribute `login`, None for profiles that sign. When the
    cluster answers with status 401, :class:`~atoll.Api` checks whether the login is still valid,
    and asks the user to log in again if somebody can be asked.
    """

    async def identity(self) -> Identity | None:
        """Return the user who is logged in, without a request to the cluster; None if there is
        none.
        """

    async def is_valid(self) -> bool:
        """Ask the cluster whether the login is still valid; False, without asking, if there is
        none.

        Raises Unreachable, and Problem.
        """

    async def log_in(self, ask: Ask, user: str = "") -> Identity:
        """Log in, and ask for everything that is needed, but not for the name of the user if `user`
        is given.

        The stored login is replaced only on success. Raises NotAuthorized if the login is refused,
        and the errors of `ask`.
        """

    async def log_out(self) -> None:
        """End the login at the cluster and delete it here; nothing happens without one.

        It is deleted even if this raises Unreachable.
        """


class Channel(Protocol):
    """A two-way stream of messages."""

    async def send(self, message: str | bytes) -> None:
        """Send a text or binary message; raises ChannelClosed."""

    async def receive(self) -> str | bytes:
        """Return the next message; raises ChannelClosed at the end."""

    async def aclose(self) -> None:
        """Close the channel; it may be closed twice."""


class ByteStream(Protocol):
    """A two-way stream of bytes, with the methods of :class:`trio.abc.HalfCloseableStream` and
    faster ones for copying.

    At the end, `receive_some` returns nothing if the other side ended in order; otherwise it raises
    BrokenResourceError, whose cause is a :class:`ChannelClosed`. Its code is None if the connection
    was closed between two pieces without a close message, which some servers mean as an orderly
    end, and 1006 if it was lost.
    """

    @property
    def is_closed(self) -> bool:
        """Whether the other side has closed the stream, so that it receives nothing more."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return bytes as soon as there are any; empty at the end."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; waits while the other side does not accept them."""

    async def send_eof(self) -> None:
        """Tell the other side that no more bytes will follow; it may still send."""

    async def copy_from(self, source: AsyncIterable[bytes | bytearray]) -> None:
        """Send everything that `source` yields, until its end."""

    async def copy_to(
        self, sink: "trio.abc.SendStream", passed: Callable[[memoryview], None] | None = None
    ) -> None:
        """Send everything that is received to `sink`, until the end.

        `passed` is called with each piece after it was sent; its bytes are only valid during the
        call.
        """

    async def aclose(self) -> None:
        """Close the stream; it may be closed twice."""


class ChannelTransport(Protocol):
    """Opens channels and streams of bytes to one profile's endpoint."""

    def open(
        self, path: str, query: Sequence[tuple[str, str]] = (), *, version: str = ""
    ) -> AbstractAsyncContextManager[Channel]:
        """Open a channel for the length of the block; background tasks keep it alive.

        Entering raises Problem if the cluster refuses it, NotSent or Unreachable if it can't be
        reached.
        """

    def stream(
        self, path: str, query: Sequence[tuple[str, str]] = (), *, version: str = ""
    ) -> AbstractAsyncContextManager[ByteStream]:
        """Open a stream of bytes, as :meth:`open` opens a channel."""

    def upgrade(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        version: str,
        headers: Mapping[str, str],
    ) -> "AbstractAsyncContextManager[trio.abc.Stream]":
        """Open a connection and send a signed request with these headers on it.

        The answer has not been read yet. Raises NotSent or Unreachable.
        """

    async def aclose(self) -> None:
        """Close all connections."""


class Dialer(Protocol):
    """Opens connections: directly over TCP, or through a bastion."""

    async def dial(self, host: str, port: int) -> "trio.abc.HalfCloseableStream":
        """Open a byte stream to `host:port`, as resolved by the remote host.

        Raises :class:`NotSent` if another attempt may succeed, and an AtollError otherwise. The
        dialer decides how long to wait for an answer.
        """

    async def aclose(self) -> None:
        """Close the dialer's own connection. This may be called twice, and the dialer may be used
        again afterwards.
        """


class CompletingDialer(Dialer, Protocol):
    """A dialer that can get missing parts of the profile, such as the keys, from the remote
    host.
    """

    async def complete(self, profile: "Profile") -> "Profile":
        """Return the profile with the missing parts; called before the first request.

        The same dialer is used for that profile. Raises as :meth:`Dialer.dial` does.
        """


class NotSent(Exception):
    """The request was not sent, so it is safe to send it again. The text says why."""


class TooLong(Exception):
    """The other side sends more than is allowed; only the allowed part was kept."""


class ConnectionLost(Unreachable):
    """The connection broke before the answer was complete; another attempt may help."""


class ChannelClosed(Exception):
    """The other side has closed the channel, in order (`clean`) or not."""

    def __init__(self, code: int | None, reason: str, *, clean: bool) -> None:
        super().__init__(reason or f"closed with code {code}")
        self.code = code
        self.reason = reason
        self.clean = clean
