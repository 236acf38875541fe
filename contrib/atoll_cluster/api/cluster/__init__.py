"""Routes for the whole cluster: accounts, settings, resources, usage, announcements, errors."""

from atoll_cluster.api.cluster import (
    announcements,
    auth,
    empty_lists,
    errorlogs,
    etcd,
    maintenance,
    manager,
    resources,
    usage,
    watcher,
)
from atoll_cluster.api.request.call import Routes

ROUTES: Routes = (
    *manager.ROUTES,
    *auth.ROUTES,
    *announcements.ROUTES,
    *etcd.ROUTES,
    *errorlogs.ROUTES,
    *resources.ROUTES,
    *usage.ROUTES,
    *watcher.ROUTES,
    *maintenance.ROUTES,
    *empty_lists.ROUTES,
)
