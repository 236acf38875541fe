"""Templates of clusters (`/template/cluster`): store, list, show, change, delete.

This cluster cannot start sessions from them. Managers of 23.09 and 26.x have a route for this,
`POST /session/_/create-cluster`, but it fails there.
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
    """`POST /template/cluster`: store one template."""
    (created,) = manage.add(call, [_sent(call)], _KIND)
    return reply(created)


async def list_templates(call: Call) -> Response:
    """`GET /template/cluster`: the templates of the caller and of the caller's groups."""
    return reply(
        [manage.listed(call, one) | {"type": "user"} for one in manage.wanted(call, _KIND)]
    )


async def show(call: Call) -> Response:
    """`GET /template/cluster/{id}`: only the template, as YAML, or as JSON if requested."""
    template = dict(_found(call).template)
    match call.params.text("format") or "yaml":
        case "yaml":
            return Response(yaml.safe_dump(template), media_type="text/yaml")
        case "json":
            return reply(template)
        case other:
            raise invalid_params(f"format must be yaml or json, not {other!r}")


async def change(call: Call) -> Response:
    """`PUT /template/cluster/{id}`: replace the content of a template."""
    found, sent = manage.own(call, _KIND), _sent(call)
    call.cluster.store.templates.update(found.id, {"template": sent.template, "name": sent.name})
    return reply({"success": True})


async def delete(call: Call) -> Response:
    """`DELETE /template/cluster/{id}`: delete a template."""
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
