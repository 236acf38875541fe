"""What core asks of a transport, and the little records that pass between them.

Three protocols, one for each way of reaching a cluster. They compose: a request transport or a
channel transport that is given a dialer sends its bytes through it, and closes it with itself.
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
"""The longest answer that is kept in memory. Lists come in pages, and files in streams."""


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
    order. `version` is the API version to announce, empty on the request that asks for it.
    `timeout` bounds the silence between two pieces of the answer, in seconds; None waits for ever.
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
    """An answer whose body may still be on its way. Close it, or read it to its end."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, by lower-case name."""

    async def read(self, most: int = MOST_BYTES) -> bytes:
        """Return the whole body; raises ConnectionLost if the connection breaks first, TooLong when
        there are more than `most` bytes of it.
        """

    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it comes, in pieces of a bounded size."""

    async def aclose(self) -> None:
        """Give the connection back; what was not read is dropped."""


class RequestTransport(Protocol):
    """Signed requests to one profile's endpoint."""

    @property
    def proxy(self) -> str:
        """What requests go through that the profile does not tell of, such as a proxy; or empty."""

    @property
    def origin(self) -> str:
        """Scheme and authority by which the cluster is asked, such as `https://api.example.com`.

        The cluster takes them for its own address, from the header `Host`, and tells URLs that
        begin with them. For an endpoint without a host they are `http://localhost`.
        """

    async def request(self, request: Request) -> Response:
        """Send a request; returns when the head of the answer is there, whatever its status.

        Raises :class:`NotSent` when no byte of the request can have reached the cluster, so that
        any request may be tried again, :class:`ConnectionLost` when the connection broke later, and
        another :class:`~atoll.Unreachable` when asking again would not help.
        """

    async def aclose(self) -> None:
        """Close all connections."""


@frozen
class Identity:
    """Who is logged in: the name that was given, and the access key that requests then count as."""

    user: str
    access_key: str = ""


class Ask(Protocol):
    """Asks the user something."""

    async def __call__(
        self, question: str, *, hidden: bool = False, default: str | None = None
    ) -> str:
        """Return the answer, which is not shown where it is `hidden`.

        An empty one means the `default`. Raises UsageError for none.
        """


class Login(Protocol):
    """How a user logs in to one profile's endpoint, and out of it; kept from program to program.

    A request transport offers it as its attribute `login`, None for profiles that sign. When the
    cluster answers with status 401, :class:`~atoll.Api` asks whether the login still holds, and
    has the user log in again where somebody can be asked.
    """

    async def identity(self) -> Identity | None:
        """Return who has logged in, as far as is known here; None for nobody."""

    async def holds(self) -> bool:
        """Ask the cluster whether it knows the login still; without one it is not asked.

        Raises Unreachable, and Problem.
        """

    async def log_in(self, ask: Ask, user: str = "") -> Identity:
        """Log in, asking for all that it takes, but for the name of `user` if that is given.

        What was kept before stays unless this succeeds. Raises NotAuthorized when it is refused,
        and what `ask` raises.
        """

    async def log_out(self) -> None:
        """End the login there and forget it here; nothing happens without one.

        It is forgotten even if this raises Unreachable.
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
    faster ways to pass much on.

    At the end, `receive_some` returns nothing if the other side ended in order; otherwise it raises
    BrokenResourceError, whose cause is a :class:`ChannelClosed`. Its code is None if the connection
    was closed between two pieces without a word, which some servers mean as an orderly end, and
    1006 if it was lost.
    """

    @property
    def is_closed(self) -> bool:
        """Whether the other side has closed, so that nothing it is sent arrives."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return some bytes as soon as there are any, none at the end."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, waiting while the other side does not take them."""

    async def send_eof(self) -> None:
        """Say that no more will come; what the other side sends still does."""

    async def copy_from(self, source: AsyncIterable[bytes | bytearray]) -> None:
        """Send all that comes from `source`, until its end."""

    async def copy_to(
        self, sink: "trio.abc.SendStream", passed: Callable[[memoryview], None] | None = None
    ) -> None:
        """Send all that comes to `sink`, until the end.

        `passed` is shown each piece once it was sent; afterwards its bytes are good no more.
        """

    async def aclose(self) -> None:
        """Close the stream; it may be closed twice."""


class ChannelTransport(Protocol):
    """Opens channels and streams of bytes to one profile's endpoint."""

    def open(
        self, path: str, query: Sequence[tuple[str, str]] = (), *, version: str = ""
    ) -> AbstractAsyncContextManager[Channel]:
        """Hold a channel open for as long as the context lasts, since tasks of its own keep it
        alive.

        Entering raises Problem when the cluster refuses it, NotSent or Unreachable when it can't
        be reached.
        """

    def stream(
        self, path: str, query: Sequence[tuple[str, str]] = (), *, version: str = ""
    ) -> AbstractAsyncContextManager[ByteStream]:
        """Hold a stream of bytes open, as :meth:`open` does a channel."""

    def upgrade(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        version: str,
        headers: Mapping[str, str],
    ) -> "AbstractAsyncContextManager[trio.abc.Stream]":
        """Hold a connection open on which a signed request with these headers was sent.

        Nothing of the answer has been read. Raises NotSent or Unreachable.
        """

    async def aclose(self) -> None:
        """Close the way to the cluster."""


class Dialer(Protocol):
    """How bytes get there: straight over TCP, or through something."""

    async def dial(self, host: str, port: int) -> "trio.abc.HalfCloseableStream":
        """Open a byte stream to `host:port` as seen from the far side.

        Raises :class:`NotSent` when another attempt may succeed, and an AtollError otherwise. How
        long to wait for an answer is the dialer's own affair.
        """

    async def aclose(self) -> None:
        """Close the way itself; it may be closed twice, and be used again afterwards."""


class CompletingDialer(Dialer, Protocol):
    """A dialer whose far side knows what the profile leaves open, such as the keys."""

    async def complete(self, profile: "Profile") -> "Profile":
        """Return the profile with what is known there; called before the first request.

        The same dialer serves what it returns. Raises as :meth:`Dialer.dial` does.
        """


class NotSent(Exception):
    """The request never left: it is safe to send it again, whatever it was. The text says why."""


class TooLong(Exception):
    """The other side sends more than was asked for; no more than that was kept."""


class ConnectionLost(Unreachable):
    """The connection broke before the answer was whole; asking again may help."""


class ChannelClosed(Exception):
    """The other side has closed the channel, in order (`clean`) or not."""

    def __init__(self, code: int | None, reason: str, *, clean: bool) -> None:
        super().__init__(reason or f"closed with code {code}")
        self.code = code
        self.reason = reason
        self.clean = clean
