"""Virtual folders: `/folders` and what is below it."""

from atoll_local.api.call import Routes
from atoll_local.api.vfolders import clone, files, hosts, manage, sharing, trash

# Fixed paths like `/folders/_/hosts` come before `/folders/{f}`.
ROUTES: Routes = (
    *hosts.ROUTES,
    *sharing.ROUTES,
    *trash.ROUTES,
    *manage.ROUTES,
    *files.ROUTES,
    *clone.ROUTES,
)
