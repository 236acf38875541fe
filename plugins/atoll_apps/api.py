"""What other plugins may use of this one: tunnels into sessions, and ports that lead there."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from atoll_apps.binding import Bind, listen
from atoll_apps.forwarding import carry_all
from atoll_apps.relay import relay
from atoll_apps.services import Service, Services, list_services
from atoll_apps.tunnel import Target, open_tunnel
from atoll_apps.way import Way

if TYPE_CHECKING:
    from atoll.api import Api


async def forward(
    api: "Api",
    target: Target,
    bind: Bind,
    say: Callable[[str], None],
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Carry all connections to a local port to a service, until cancelled.

    Start it with `port = await nursery.start(forward, api, target, bind, say)`, which returns when
    it listens. A lost cluster is waited for, which `say` is told of. Raises NotFound when the
    session has ended, AtollError when the port can't be had.
    """
    listeners, port = await listen(bind)
    task_status.started(port)
    await carry_all(Way(api, target, say), listeners)


__all__ = [
    "Bind",
    "Service",
    "Services",
    "Target",
    "forward",
    "list_services",
    "open_tunnel",
    "relay",
]
