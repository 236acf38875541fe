"""What other plugins may use of this one: tunnels into sessions, and ports that lead there."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from atoll_apps.admission import Admission, Remarks
from atoll_apps.binding import Bind, listening
from atoll_apps.forwarding import carry_all
from atoll_apps.relay import relay
from atoll_apps.services import Service, Services, list_services
from atoll_apps.tunnel import Target, open_tunnel
from atoll_apps.way import Way

if TYPE_CHECKING:
    from atoll import Api


async def forward(
    api: "Api",
    target: Target,
    bind: Bind,
    say: Callable[[str], None],
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Carry this user's connections to a local port to a service, until cancelled.

    Start it with `port = await nursery.start(forward, api, target, bind, say)`, which returns when
    it listens. `say` is told of a lost cluster, which is waited for, and of connections of other
    accounts, which are refused. Raises NotFound when the session has ended, AtollError when the
    port can't be had.
    """
    admission = Admission(target.app, Remarks(say))
    async with listening(bind) as (listeners, port):
        task_status.started(port)
        await carry_all(Way(api, target, say), listeners, admission)


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
