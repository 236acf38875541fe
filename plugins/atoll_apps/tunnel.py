"""Tunnels to services of sessions: one websocket for each connection (`…/tcpproxy`)."""

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
"""What the embedded cluster says of itself."""


@frozen(kw_only=True)
class Target:
    """A service of a session, and what it is started with if it does not run yet.

    The value of an argument is None for a flag, a text, or a list of texts.
    """

    session_id: str
    app: str
    arguments: Mapping[str, Any] = field(factory=dict)
    envs: Mapping[str, str] = field(factory=dict)

    @property
    def params(self) -> dict[str, str]:
        """The query of the route."""
        params = {"app": self.app}
        if self.arguments:
            params["arguments"] = json.dumps(dict(self.arguments))
        if self.envs:
            params["envs"] = json.dumps(dict(self.envs))
        return params


@asynccontextmanager
async def open_tunnel(api: "Api", target: Target) -> AsyncIterator["ByteStream"]:
    """Hold one connection to a service open (`GET /stream/session/{s}/tcpproxy`).

    The service is started first if need be. Raises NotFound when there is no such service, Problem
    when it does not start, Unreachable. Where nothing listens yet, the stream ends at once, or
    breaks with :class:`~atoll.transport.ChannelClosed` of code 1013.
    """
    route = path("stream", "session", target.session_id, "tcpproxy")
    params = target.params
    # A web server tells nobody that the service has closed, unless that comes as a message.
    if api.login is not None and await api.supports(_HALF_CLOSE):
        params["half_close"] = "true"
    async with AsyncExitStack() as stack:
        try:
            stream = await stack.enter_async_context(api.stream(route, params))
        except Problem as problem:
            await _find_reason(api, target, problem)
            raise
        yield stream


async def _find_reason(api: "Api", target: Target, problem: Problem) -> None:
    """Raise why the cluster has opened no tunnel where a web server does not tell, as far as asking
    for something else tells it.
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
        hint=f"the web server does not tell why; atoll logs {target.session_id} may",
    )
