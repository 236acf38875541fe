"""The services of sessions, and the tunnels to them."""

from starlette.routing import BaseRoute

from atoll_cluster.api.tunnel import apps, proxying

ROUTES: tuple[BaseRoute, ...] = (*apps.ROUTES, *proxying.SOCKETS)
