"""`/manager/announcement`: a message of the administrators to all users."""

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, no_content, reply, route
from atoll_cluster.api.request.problems import invalid_params

_KEY = "manager/announcement"


async def get(call: Call) -> Response:
    """`GET /manager/announcement`: the message; clients request it with every command."""
    message = call.cluster.store.settings.get(_KEY)
    return reply({"enabled": bool(message), "message": message or ""})


async def set_(call: Call) -> Response:
    """`POST /manager/announcement`: set or remove the announcement."""
    if not call.params.boolean("enabled"):
        call.cluster.store.settings.delete(_KEY)
        return no_content()
    message = call.params.text("message")
    if not message:
        raise invalid_params("an announcement needs a message", {"message": "is required"})
    call.cluster.store.settings.set(_KEY, message)
    return no_content()


ROUTES: Routes = (
    route("GET", "/manager/announcement", get, public=True),
    route("POST", "/manager/announcement", set_, superadmin=True),
)
