"""Session templates: `/template/session`, and sessions that are created from them."""

from atoll_local.api.call import Routes
from atoll_local.api.templates import manage, start

ROUTES: Routes = (*manage.ROUTES, *start.ROUTES)
