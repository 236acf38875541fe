"""Templates: of sessions (`/template/session`), which create sessions, and of clusters."""

from atoll_cluster.api.request.call import Routes
from atoll_cluster.api.templates import clusters, manage, start

ROUTES: Routes = (*manage.ROUTES, *clusters.ROUTES, *start.ROUTES)
