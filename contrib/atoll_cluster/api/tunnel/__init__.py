"""Services of sessions: which there are, and the tunnels that clients reach them through."""

from starlette.routing import BaseRoute

from atoll_cluster.api.tunnel import apps, proxying

ROUTES: tuple[BaseRoute, ...] = (*apps.ROUTES, *proxying.SOCKETS)
