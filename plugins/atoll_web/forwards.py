"""Local ports that are forwarded to services of sessions; they are opened when the page asks for
them.
"""

from typing import TYPE_CHECKING

import trio
from attrs import define, evolve, field, frozen

from atoll import AtollError
from atoll_apps.api import (
    AccessOptions,
    Bind,
    Connector,
    Service,
    Target,
    forward_all,
    list_services,
    listening,
    wait_until_ready,
)

if TYPE_CHECKING:
    from atoll import Api

_TIMEOUT = 60.0
"""Seconds that a service has to answer for the first time."""


@frozen
class Forward:
    """A port at loopback that is forwarded to a service; `ready` is set when the service has
    answered.
    """

    service: Service
    port: int
    scope: trio.CancelScope
    ready: trio.Event = field(factory=trio.Event)


@define
class Forwards:
    """The open ports, by session and service; each stays open until it is closed or its session
    ends.
    """

    api: "Api"
    nursery: trio.Nursery
    access: AccessOptions
    _open: dict[tuple[str, str], Forward] = field(factory=dict)
    _opening: trio.Lock = field(factory=trio.Lock)

    async def open(self, session_id: str, app: str) -> Forward:
        """Return the port of a service, and open it if necessary; raises AtollError."""
        async with self._opening:
            if (found := self._open.get((session_id, app))) is not None:
                return found
            service = (await list_services(self.api, session_id)).pick(app, session_id)
            forward: Forward = await self.nursery.start(self._carry, session_id, service)
            self._open[session_id, app] = forward
            return forward

    def close(self, session_id: str, app: str) -> None:
        """Close a port; nothing happens if it is not open."""
        if (found := self._open.get((session_id, app))) is not None:
            found.scope.cancel()

    def at(self, port: str) -> Forward | None:
        """Return the forward of a port, None if the port belongs to none."""
        return next((one for one in self._open.values() if str(one.port) == port), None)

    async def _carry(
        self, session_id: str, service: Service, task_status: trio.TaskStatus[Forward]
    ) -> None:
        say = self.access.say
        connector = Connector(self.api, Target(session_id=session_id, app=service.name), say)
        connections = self.access.connection_filter(service.name)
        with trio.CancelScope() as scope:
            async with listening(Bind()) as (listeners, port):
                forward = Forward(service, port, scope)
                # A browser opens a window only within a few seconds after a click. So it is sent to
                # the port before the service answers, and waits there.
                task_status.started(forward)
                try:
                    await wait_until_ready(connector, service, _TIMEOUT)
                    forward.ready.set()
                    web = self.access.request_filter(
                        service, evolve(Bind(), port=port), connections
                    )
                    await forward_all(connector, listeners, connections, web)
                except AtollError as error:
                    # For example, the session has ended; only this port is closed then.
                    say(f"{service.name}: {error}")
                finally:
                    self._open.pop((session_id, service.name), None)
