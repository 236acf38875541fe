"""Templates of clusters (`/template/cluster`): store, list, show, change, delete.

Nothing is started from them here. Managers of 23.09 and 26.x have a route for that,
`POST /session/_/create-cluster`, and fail at it.
"""

import yaml
from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.api.templates import manage
from atoll_cluster.api.templates.payload import SentTemplate, read_documents
from atoll_cluster.api.templates.syntax import normalize_cluster
from atoll_cluster.store.templates import SessionTemplate

_KIND = "cluster"


async def create(call: Call) -> Response:
    """`POST /template/cluster`: one template."""
    (created,) = manage.add(call, [_sent(call)], _KIND)
    return reply(created)


async def list_templates(call: Call) -> Response:
    """`GET /template/cluster`: the templates of the caller and of the caller's groups."""
    return reply(
        [manage.listed(call, one) | {"type": "user"} for one in manage.wanted(call, _KIND)]
    )


async def show(call: Call) -> Response:
    """`GET /template/cluster/{id}`: the template only, in YAML or, on request, JSON."""
    template = dict(_found(call).template)
    match call.params.text("format") or "yaml":
        case "yaml":
            return Response(yaml.safe_dump(template), media_type="text/yaml")
        case "json":
            return reply(template)
        case other:
            raise invalid_params(f"format must be yaml or json, not {other!r}")


async def change(call: Call) -> Response:
    """`PUT /template/cluster/{id}`: other contents."""
    found, sent = manage.own(call, _KIND), _sent(call)
    call.cluster.store.templates.update(found.id, {"template": sent.template, "name": sent.name})
    return reply({"success": True})


async def delete(call: Call) -> Response:
    """`DELETE /template/cluster/{id}`."""
    return manage.remove(call, _KIND)


def _sent(call: Call) -> SentTemplate:
    documents = read_documents(call.params.required("payload"))
    if len(documents) > 1:
        raise invalid_params("the payload must have exactly one template of a cluster")
    template = normalize_cluster(documents[0])
    return SentTemplate(template, template["metadata"]["name"])


def _found(call: Call) -> SessionTemplate:
    found = manage.find(call, call.path("id"), _KIND)
    if found is None:
        raise manage.no_template(call.path("id"))
    return found


ROUTES: Routes = (
    route("POST", "/template/cluster", create),
    route("GET", "/template/cluster", list_templates),
    route("GET", "/template/cluster/{id}", show),
    route("PUT", "/template/cluster/{id}", change),
    route("DELETE", "/template/cluster/{id}", delete),
)
