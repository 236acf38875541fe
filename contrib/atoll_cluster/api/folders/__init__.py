"""Virtual folders: the routes at and below `/folders`, the storage endpoint, and dotfiles."""

from starlette.routing import BaseRoute

from atoll_cluster.api.folders import (
    bulk_upload,
    clone,
    dotfiles,
    files,
    hosts,
    manage,
    sharing,
    storage,
    trash,
)

# Fixed paths like `/folders/_/hosts` must come before `/folders/{f}`.
ROUTES: tuple[BaseRoute, ...] = (
    *hosts.ROUTES,
    *sharing.ROUTES,
    *trash.ROUTES,
    *manage.ROUTES,
    *files.ROUTES,
    *clone.ROUTES,
    *bulk_upload.ROUTES,
    *storage.ROUTES,
    *dotfiles.ROUTES,
)
