"""Templates of sessions (`/template/session`) and of clusters (`/template/cluster`)."""

from atoll_cluster.api.request.call import Routes
from atoll_cluster.api.templates import clusters, manage, start

ROUTES: Routes = (*manage.ROUTES, *clusters.ROUTES, *start.ROUTES)
