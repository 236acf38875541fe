"""`/local/repair`: try the work on put-aside items again (an addition of this cluster)."""

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.repair import repair


async def try_again(call: Call) -> Response:
    """`POST /local/repair`: try the work on put-aside items again; with `remove`, delete them."""
    mended = await repair(call.cluster, remove=call.params.boolean("remove"))
    left = call.cluster.supervisor.put_aside.entries
    return reply(
        {
            "mended": [entry.as_json() for entry in mended],
            "put_aside": [entry.as_json() for entry in left],
        }
    )


ROUTES: Routes = (route("POST", "/local/repair", try_again, superadmin=True),)
