"""What other plugins may use of this one: tunnels into sessions, ports that lead there, and HTTP
served here for this user alone.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from atoll_apps.admission import Admission, Remarks
from atoll_apps.binding import Bind, listening
from atoll_apps.connector import Connector
from atoll_apps.exposure import Exposure, page_options, share_option
from atoll_apps.forwarding import carry_all
from atoll_apps.http_messages import Malformed
from atoll_apps.http_server import Connection, serve_connection
from atoll_apps.passing import passed_on
from atoll_apps.proxying import exchange, is_websocket, pass_on
from atoll_apps.readiness import wait_until_ready
from atoll_apps.relay import relay
from atoll_apps.services import Service, Services, list_services
from atoll_apps.serving import serve
from atoll_apps.tunnel import Target, open_tunnel

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
        await carry_all(Connector(api, target, say), listeners, admission)


__all__ = [
    "Bind",
    "Connection",
    "Connector",
    "Exposure",
    "Malformed",
    "Service",
    "Services",
    "Target",
    "carry_all",
    "exchange",
    "forward",
    "is_websocket",
    "list_services",
    "listening",
    "open_tunnel",
    "page_options",
    "pass_on",
    "passed_on",
    "relay",
    "serve",
    "serve_connection",
    "share_option",
    "wait_until_ready",
]
