"""Guards around transports: errors in their calls name the plugin.

An ordinary exception passes unchanged, since it may be the caller's: raised by the body that is
sent, or in the block that uses a channel. The runner finds out whose code has raised it. An
exception that would end the program, such as `sys.exit()`, becomes a PluginError here, and so does
a result of the wrong type.
"""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import trio
from attrs import define, field

from atoll._plugins import PluginError, Provided, guarded, problem_in
from atoll._profiles import Profile
from atoll._records import Transport

if TYPE_CHECKING:
    from atoll.transport import Request, Response

_METHODS = {"request": "request", "channel": "open", "dial": "dial"}


def make_transport(provided: Provided[Transport], *arguments: object) -> Any:
    """Call a transport's factory, check that the result has the method of its kind, and guard
    it.
    """
    record = provided.record
    with provided.guarded(_doing(provided)):
        made = provided.load()(*arguments)
    method = _METHODS[record.kind]
    if not callable(getattr(made, method, None)):
        raise PluginError(provided.origin, f"{_doing(provided)} has no method {method}")
    kinds = {"request": GuardedRequests, "channel": GuardedChannels, "dial": GuardedDialer}
    return kinds[record.kind](provided, made)


def _doing(provided: Provided[Transport]) -> str:
    record = provided.record
    return f"its {record.kind} transport for {', '.join(record.schemes)}"


@define(eq=False)
class _Guarded:
    """Passes on the attributes of a transport that are not guarded below."""

    _provided: Provided[Transport]
    _made: Any

    def __getattr__(self, name: str) -> Any:
        with self._guard():
            return getattr(self._made, name)

    def _guard(self, *passing: type[BaseException]) -> guarded:
        origin = self._provided.origin
        return guarded(origin, _doing(self._provided), passing=(Exception, *passing))

    def _refuse(self, what: str, value: object) -> PluginError:
        doing = _doing(self._provided)
        return PluginError(
            self._provided.origin, f"{doing} has returned {type(value).__name__}, not {what}"
        )


class GuardedRequests(_Guarded):
    """A request transport."""

    async def request(self, request: "Request") -> "Response":
        """Send a request."""
        with self._guard():
            response: Response = await self._made.request(request)
        if not isinstance(getattr(response, "status", None), int):
            raise self._refuse("a Response", response)
        return response


class GuardedDialer(_Guarded):
    """A dialer."""

    async def dial(self, host: str, port: int) -> trio.abc.HalfCloseableStream:
        """Open a stream."""
        with self._guard():
            stream = await self._made.dial(host, port)
        if not isinstance(stream, trio.abc.HalfCloseableStream):
            raise self._refuse("a HalfCloseableStream", stream)
        return stream

    async def complete(self, profile: Profile) -> Profile:
        """If the dialer can, add to the profile what only the remote host knows."""
        complete = getattr(self._made, "complete", None)
        if complete is None:
            return profile
        with self._guard():
            completed: Profile = await complete(profile)
        if problem_in(completed, Profile):
            raise self._refuse("a Profile", completed)
        return completed

    async def aclose(self) -> None:
        """Close the connection; an error names the dialer, not the transports that use it."""
        with self._provided.guarded(f"closing {_doing(self._provided)}"):
            await self._made.aclose()


class GuardedChannels(_Guarded):
    """A channel transport."""

    def open(self, *arguments: Any, **more: Any) -> "_Opening":
        """Open a channel."""
        return _Opening(self._provided, self._made, "open", arguments, more)

    def stream(self, *arguments: Any, **more: Any) -> "_Opening":
        """Open a stream of bytes."""
        return _Opening(self._provided, self._made, "stream", arguments, more)

    def upgrade(self, *arguments: Any, **more: Any) -> "_Opening":
        """Open a connection for another client's handshake."""
        return _Opening(self._provided, self._made, "upgrade", arguments, more)


@define(eq=False)
class _Opening(_Guarded):
    """Opens and closes something; the plugin is not blamed for errors of the block in between."""

    _method: str
    _arguments: tuple[Any, ...]
    _more: dict[str, Any]
    _context: AbstractAsyncContextManager[Any] = field(init=False)

    async def __aenter__(self) -> Any:
        with self._guard():
            self._context = getattr(self._made, self._method)(*self._arguments, **self._more)
            opened = await self._context.__aenter__()
        if opened is None:
            raise self._refuse("a channel or stream", opened)
        return opened

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        with self._guard(*([kind] if kind else [])):
            return await self._context.__aexit__(kind, error, traceback)
