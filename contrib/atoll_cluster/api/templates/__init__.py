"""Session templates: `/template/session`, and sessions that are created from them."""

from atoll_cluster.api.request.call import Routes
from atoll_cluster.api.templates import manage, start

ROUTES: Routes = (*manage.ROUTES, *start.ROUTES)
