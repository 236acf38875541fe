"""Create, list, show, change and delete templates of sessions."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.folders.access import as_id
from atoll_cluster.api.request.access import Caller
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem, forbidden, not_found
from atoll_cluster.api.request.versions import read_version
from atoll_cluster.api.templates.payload import SentTemplate, read_payload
from atoll_cluster.api.templates.secrets import hide, restore
from atoll_cluster.store.records import Group
from atoll_cluster.store.templates import SessionTemplate


async def create(call: Call) -> Response:
    """`POST /template/session`: store the templates of the payload; if one is invalid, none."""
    ids = add(call, read_payload(call.params.required("payload")), "task")
    # Clients of 21.03 send one template, and expect one answer.
    is_older = read_version(call.request.headers).text < "v7"
    return reply(ids[0] if is_older and len(ids) == 1 else ids)


def add(call: Call, sent: Sequence[SentTemplate], kind: str) -> list[dict[str, str]]:
    """Store templates of this kind; returns the answer for each."""
    owner, group = call.owner, group_of(call, call.owner)
    made = [
        SessionTemplate(
            id=uuid4().hex,
            name=one.name,
            user=owner.user.uuid,
            group_id=group.id,
            domain_name=group.domain_name,
            template=one.template,
            kind=kind,
            created_at=clock.now(),
        )
        for one in sent
    ]
    with call.cluster.store.db.transaction():
        for template in made:
            call.cluster.store.templates.add(template)
    return [{"id": one.id, "user": owner.user.uuid.replace("-", "")} for one in made]


def group_of(call: Call, owner: Caller) -> Group:
    """Return the group in a request; raises Problem 404 if the owner is not a member of it."""
    params, accounts = call.params, call.cluster.store.accounts
    domain = params.text("domain", "domainName", "domain_name") or owner.user.domain_name
    name = params.text("group", "groupName", "group_name") or "default"
    group = accounts.group_by_name(name, domain)
    is_member = group and accounts.is_member(group.id, owner.user.uuid)
    if group is None or not (is_member or owner.is_superadmin):
        raise not_found("user group", f"no group {name!r} in domain {domain!r} for this user")
    return group


async def list_templates(call: Call) -> Response:
    """`GET /template/session`: the templates of the caller and of the caller's groups."""
    return reply([_listed(call, one) for one in wanted(call, "task")])


def wanted(call: Call, kind: str) -> list[SessionTemplate]:
    """Return the templates that a request lists; if it names a group, only those of the group."""
    group_id = call.params.text("group_id", "groupId")
    return [one for one in _visible(call, kind) if group_id in {None, "", one.group_id}]


def _visible(call: Call, kind: str) -> list[SessionTemplate]:
    store, caller = call.cluster.store, call.owner
    groups = {group.id for group in store.accounts.groups(caller.user.uuid)}
    return [
        one
        for one in store.templates.select("is_active = 1 AND kind = ?", (kind,), "created_at, id")
        if one.user == caller.user.uuid or one.group_id in groups or caller.is_superadmin
    ]


def _listed(call: Call, one: SessionTemplate) -> dict[str, Any]:
    return listed(call, one) | {
        "domain_name": one.domain_name,
        "type": "task",
        "template": hide(dict(one.template)),
    }


def listed(call: Call, one: SessionTemplate) -> dict[str, Any]:
    """Return the entry of a template in lists."""
    accounts = call.cluster.store.accounts
    user, group = accounts.user(one.user), accounts.group(one.group_id)
    return {
        "name": one.name,
        "id": one.id,
        "created_at": one.created_at,
        "is_owner": one.user == call.owner.user.uuid,
        "user": one.user,
        "group": one.group_id,
        "user_email": user.email if user else None,
        "group_name": group.name if group else None,
    }


async def show(call: Call) -> Response:
    """`GET /template/session/{id}`; answers `{}` if it is missing, as all managers do."""
    found = find(call, call.path("id"))
    if found is None:
        return reply({})
    return reply(
        {
            "template": hide(dict(found.template)),
            "name": found.name,
            "user_uuid": found.user,
            "group_id": found.group_id,
            "domain_name": found.domain_name,
        }
    )


def find(call: Call, reference: str, kind: str = "task") -> SessionTemplate | None:
    """Find a template that the caller may use, by its id."""
    template_id = as_id(reference)
    return next((one for one in _visible(call, kind) if one.id == template_id), None)


async def change(call: Call) -> Response:
    """`PUT /template/session/{id}`: replace the content; a hidden password keeps its value."""
    found = own(call, "task")
    sent = read_payload(call.params.required("payload"))[0]
    template = restore(sent.template, dict(found.template))
    call.cluster.store.templates.update(found.id, {"template": template, "name": sent.name})
    return reply({"success": True})


async def delete(call: Call) -> Response:
    """`DELETE /template/session/{id}`: delete a template."""
    return remove(call, "task")


def remove(call: Call, kind: str) -> Response:
    """Delete the template that the path names."""
    call.cluster.store.templates.update(own(call, kind).id, {"is_active": False})
    return reply({"success": True})


def own(call: Call, kind: str) -> SessionTemplate:
    """Return the template that the path names; raises Problem if the caller may not change it."""
    found = find(call, call.path("id"), kind)
    if found is None:
        raise no_template(call.path("id"))
    if found.user != call.owner.user.uuid and not call.caller.is_superadmin:
        raise forbidden("only its owner can change a template")
    return found


def no_template(reference: str) -> Problem:
    """Return Problem 404: there is no such template."""
    return not_found("task template", f"no template {reference!r}")


ROUTES: Routes = (
    route("POST", "/template/session", create),
    route("GET", "/template/session", list_templates),
    route("GET", "/template/session/{id}", show),
    route("PUT", "/template/session/{id}", change),
    route("DELETE", "/template/session/{id}", delete),
)
