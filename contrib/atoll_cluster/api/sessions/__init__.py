"""Sessions: the routes at `/session`, and the streams of runs, terminals and events."""

from starlette.routing import BaseRoute

from atoll_cluster.api.sessions import (
    commit,
    create,
    events,
    execute,
    files,
    logs,
    manage,
    streams,
    terminals,
)

ROUTES: tuple[BaseRoute, ...] = (
    *create.ROUTES,
    *logs.ROUTES,
    *manage.ROUTES,
    *commit.ROUTES,
    *execute.ROUTES,
    *files.ROUTES,
    *streams.SOCKETS,
    *terminals.SOCKETS,
    *events.ROUTES,
)
