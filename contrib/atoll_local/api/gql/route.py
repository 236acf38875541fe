from atoll_local.api.call import Routes

ROUTES: Routes = ()
