"""Opens tunnels to services of sessions, one websocket for each connection (`…/tcpproxy`)."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from atoll import AtollError, Problem, Unreachable
from atoll.urls import path
from atoll_apps.services import list_services

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import ByteStream

_HALF_CLOSE = "half-close"
"""The name of a feature that only the embedded cluster has."""


@frozen(kw_only=True)
class Target:
    """A service of a session, with the arguments and environment variables to start it with.

    These only have an effect if the service does not run yet. The value of an argument is a string,
    a list of strings, or None for a flag.
    """

    session_id: str
    app: str
    arguments: Mapping[str, Any] = field(factory=dict)
    envs: Mapping[str, str] = field(factory=dict)

    @property
    def params(self) -> dict[str, str]:
        """The query parameters of the route."""
        params = {"app": self.app}
        if self.arguments:
            params["arguments"] = json.dumps(dict(self.arguments))
        if self.envs:
            params["envs"] = json.dumps(dict(self.envs))
        return params


@asynccontextmanager
async def open_tunnel(api: "Api", target: Target) -> AsyncIterator["ByteStream"]:
    """Open one connection to a service (`GET /stream/session/{s}/tcpproxy`); close it at the end.

    The cluster starts the service if it does not run. Raises NotFound when there is no such
    service, Problem when it does not start, Unreachable when the cluster can't be reached. If
    nothing listens in the session yet, the stream ends at once, or breaks with
    :class:`~atoll.transport.ChannelClosed` of code 1013.
    """
    route = path("stream", "session", target.session_id, "tcpproxy")
    params = target.params
    # A web server passes the closing of the service on only as a message.
    if api.login is not None and await api.supports(_HALF_CLOSE):
        params["half_close"] = "true"
    async with AsyncExitStack() as stack:
        try:
            stream = await stack.enter_async_context(api.stream(route, params))
        except Problem as problem:
            await _raise_reason(api, target, problem)
            raise
        yield stream


async def _raise_reason(api: "Api", target: Target, problem: Problem) -> None:
    """If a web server hides the reason why no tunnel was opened, find and raise it.

    The list of services shows whether the session and the service exist.
    """
    from atoll_sessions.api import WEB_SERVERS_ANSWER

    if api.login is None or problem.type != WEB_SERVERS_ANSWER:
        return
    try:
        services = await list_services(api, target.session_id)
    except Unreachable:
        return
    services.pick(target.app, target.session_id)
    raise AtollError(
        f"the cluster opens no connection to {target.app} of session {target.session_id}",
        hint=f"the web server hides the reason; try atoll logs {target.session_id}",
    )
