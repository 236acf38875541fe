"""Dotfiles of keypairs, groups and domains, and the bootstrap scripts of keypairs.

Every session that is created later gets the dotfiles. A keypair, a group or a domain can have at
most 100 dotfiles, with at most 64 KiB together.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from attrs import frozen
from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Handler, Routes, reply, route
from atoll_cluster.api.request.problems import Problem, forbidden, invalid_params, not_found
from atoll_cluster.storage.tree import PathError, names_of
from atoll_cluster.store.dotfiles import Dotfile, Scope

_HOME = "/home/work/"
_MAX_BYTES = 64 * 1024
_MAX_COUNT = 100
_PERMISSION = re.compile(r"[0-7]{3}")
_RESERVED = frozenset(
    {".terminfo", ".jupyter", ".ssh", ".ssh/authorized_keys", ".local", ".config"}
)


@frozen
class DotfileOwner:
    """The owner of the dotfiles in a request."""

    scope: Scope
    key: str


FindOwner = Callable[[Call, bool], DotfileOwner]
"""A function that finds the owner in a request; its second argument is True for a change.

It raises Problem 403 or 404.
"""


def _keypair(call: Call, _: bool) -> DotfileOwner:
    return DotfileOwner("keypair", call.owner.access_key)


def _group(call: Call, writing: bool) -> DotfileOwner:
    params, caller, accounts = call.params, call.caller, call.cluster.store.accounts
    name = params.required("group", "groupId", "group_id")
    domain = params.text("domain") or caller.user.domain_name
    group = accounts.group_by_name(name, domain)
    is_admin = caller.is_superadmin or (
        caller.is_domain_admin and domain == caller.user.domain_name
    )
    if group is None or not (is_admin or accounts.is_member(group.id, caller.user.uuid)):
        raise not_found("user group", f"no group {name!r}")
    if writing and not is_admin:
        raise forbidden("Only admins can change dotfiles of groups")
    return DotfileOwner("group", group.id)


def _domain(call: Call, writing: bool) -> DotfileOwner:
    caller = call.caller
    name = call.params.required("domain")
    is_own = name == caller.user.domain_name
    if call.cluster.store.accounts.domain(name) is None or not (is_own or caller.is_superadmin):
        raise not_found("domain", f"no domain {name!r}")
    if writing and not (caller.is_superadmin or caller.is_domain_admin):
        raise forbidden("Only admins can change dotfiles of domains")
    return DotfileOwner("domain", name)


def _create(find_owner: FindOwner) -> Handler:
    async def create(call: Call) -> Response:
        owner, dotfile = find_owner(call, True), _read(call)
        having = call.cluster.store.dotfiles.of(owner.scope, owner.key)
        if any(other.path == dotfile.path for other in having):
            raise _refused(
                "Dotfile already exists.", f"there is already a dotfile {dotfile.path!r}"
            )
        _put(call, owner, dotfile, having)
        return reply({})

    return create


def _list(find_owner: FindOwner) -> Handler:
    async def show(call: Call) -> Response:
        owner = find_owner(call, False)
        having = call.cluster.store.dotfiles.of(owner.scope, owner.key)
        if not (path := call.params.text("path")):
            return reply([{**_shown(one), "permission": one.permission} for one in having])
        one = _find(having, _path(path))
        # Releases use different names for this field, here and in the list.
        return reply({**_shown(one), "perm": one.permission, "permission": one.permission})

    return show


def _update(find_owner: FindOwner) -> Handler:
    async def update(call: Call) -> Response:
        owner, dotfile = find_owner(call, True), _read(call)
        having = call.cluster.store.dotfiles.of(owner.scope, owner.key)
        old = _find(having, dotfile.path)
        _put(call, owner, dotfile, [one for one in having if one != old])
        return reply({})

    return update


def _delete(find_owner: FindOwner) -> Handler:
    async def delete(call: Call) -> Response:
        owner, path = find_owner(call, True), _path(call.params.required("path"))
        if not call.cluster.store.dotfiles.delete(owner.scope, owner.key, path):
            raise not_found("dotfile", f"no dotfile {path!r}")
        return reply({"success": True})

    return delete


def _find(having: list[Dotfile], path: str) -> Dotfile:
    found = [one for one in having if one.path == path]
    if not found:
        raise not_found("dotfile", f"no dotfile {path!r}")
    return found[0]


def _put(call: Call, owner: DotfileOwner, dotfile: Dotfile, others: list[Dotfile]) -> None:
    if len(others) >= _MAX_COUNT:
        raise _refused("Dotfile creation has failed.", f"at most {_MAX_COUNT} dotfiles are allowed")
    size = sum(len(one.data.encode()) + len(one.path) for one in [*others, dotfile])
    if size > _MAX_BYTES:
        why = f"all dotfiles together may have {_MAX_BYTES} bytes; these have {size}"
        raise _refused("Dotfile creation has failed.", why)
    call.cluster.store.dotfiles.put(owner.scope, owner.key, dotfile)


def _shown(dotfile: Dotfile) -> dict[str, str]:
    return {"path": dotfile.path, "data": dotfile.data}


def _read(call: Call) -> Dotfile:
    params = call.params
    permission = params.text("permission", "perm") or "644"
    if not _PERMISSION.fullmatch(permission):
        why = f"must be three octal digits, not {permission!r}"
        raise invalid_params(f"permission {why}", {"permission": why})
    return Dotfile(_path(params.required("path")), permission, params.text("data") or "")


def _path(text: str) -> str:
    """Return a path in the home folder; raises Problem 400 if it is invalid or reserved."""
    try:
        names = names_of(text.removeprefix(_HOME).removeprefix("~/"))
    except PathError as error:
        raise invalid_params(f"path: {error}", {"path": str(error)}) from error
    path = str(PurePosixPath(*names))
    if not names or path in _RESERVED:
        raise invalid_params(f"path {path!r} is reserved", {"path": "is reserved"})
    return path


def _refused(title: str, msg: str) -> Problem:
    return Problem(400, "generic-bad-request", title, msg)


async def set_bootstrap_script(call: Call) -> Response:
    """`POST /user-config/bootstrap-script`: the default script of new sessions."""
    script = call.params.text("script") or ""
    if len(script.encode()) > _MAX_BYTES:
        raise invalid_params(f"script: at most {_MAX_BYTES} bytes", {"script": "is too long"})
    call.cluster.store.dotfiles.set_bootstrap_script(call.owner.access_key, script)
    return reply({})


async def get_bootstrap_script(call: Call) -> Response:
    """`GET /user-config/bootstrap-script`: the script, empty if there is none."""
    return reply(call.cluster.store.dotfiles.bootstrap_script(call.owner.access_key) or "")


def _routes(path: str, find_owner: FindOwner) -> Routes:
    return (
        route("POST", path, _create(find_owner)),
        route("GET", path, _list(find_owner)),
        route("PATCH", path, _update(find_owner)),
        route("DELETE", path, _delete(find_owner)),
    )


ROUTES: Routes = (
    *_routes("/user-config/dotfiles", _keypair),
    *_routes("/group-config/dotfiles", _group),
    *_routes("/domain-config/dotfiles", _domain),
    route("POST", "/user-config/bootstrap-script", set_bootstrap_script),
    route("GET", "/user-config/bootstrap-script", get_bootstrap_script),
)
