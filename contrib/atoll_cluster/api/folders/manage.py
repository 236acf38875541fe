"""Create, list, describe and rename folders."""

from pathlib import Path
from uuid import uuid4

from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.folders.access import OWNER, accesses, find, named
from atoll_cluster.api.folders.disk import on_disk, place
from atoll_cluster.api.folders.limits import check_count, check_permission
from atoll_cluster.api.folders.naming import PERMISSIONS, USAGE_MODES, check_choice, check_name
from atoll_cluster.api.folders.shapes import created, described, listed
from atoll_cluster.api.request.access import Caller
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem, forbidden, invalid_params, not_found
from atoll_cluster.api.request.versions import read_version
from atoll_cluster.slots import AmountError, parse_size
from atoll_cluster.storage.volume import HOST, count
from atoll_cluster.store.errors import StoreError
from atoll_cluster.store.folders import DELETING, VFolder
from atoll_cluster.store.records import Group

_PRIVATE = frozenset({".ssh"})
"""The names of folders that programs use only if other users cannot access them."""


async def create(call: Call) -> Response:
    """`POST /folders`: create a folder of the caller or of a group."""
    folder = _read_request(call)
    refuse_taken(call, folder.name, folder)
    check_permission(call, folder, "create-vfolder")
    check_count(call, folder)
    await make(call, folder)
    return reply(created(folder), 201)


async def make(call: Call, folder: VFolder) -> None:
    """Create a folder on disk, then add its row."""
    mode = 0o700 if folder.name in _PRIVATE else 0o755
    volume = call.cluster.storage.volume
    if folder.unmanaged_path is None:
        await on_disk(lambda: volume.create(folder.id, mode))
    try:
        call.cluster.store.folders.table.add(folder)
    except StoreError:
        volume.path(folder.id).rmdir()
        raise


def _read_request(call: Call) -> VFolder:
    params, user = call.params, call.owner.user
    group = _group(call)
    name = check_name(params.required("name"), is_group=group is not None)
    check_host(params.text("host"))
    return VFolder(
        id=uuid4().hex,
        name=name,
        host=HOST,
        usage_mode=check_choice("usage_mode", params.text("usage_mode") or "general", USAGE_MODES),
        permission=check_choice("permission", params.text("permission") or "rw", PERMISSIONS),
        user=None if group else user.uuid,
        group_id=group.id if group else None,
        creator=user.email,
        domain_name=group.domain_name if group else user.domain_name,
        unmanaged_path=_unmanaged(call),
        cloneable=params.boolean("cloneable"),
        max_size=_quota(params.text("quota")),
        created_at=clock.now(),
    )


def _group(call: Call) -> Group | None:
    """Return the group of a new folder; only admins can create folders of groups."""
    reference = call.params.text("group", "groupId", "group_id")
    if not reference:
        return None
    caller = call.caller
    if not (caller.is_superadmin or caller.is_domain_admin):
        raise forbidden("Only admins can create folders of groups")
    group = call.cluster.store.accounts.group_by_name(reference, caller.user.domain_name)
    if group is None and caller.is_superadmin:
        group = call.cluster.store.accounts.group(reference)
    if group is None:
        raise not_found("user group", f"no group {reference!r}")
    return group


def check_host(host: str | None) -> None:
    """Raise Problem 400 if this is not the only folder host."""
    if host not in {None, "", HOST}:
        raise invalid_params(f"no folder host {host!r}; there is {HOST}", {"host": "unknown"})


def _unmanaged(call: Call) -> str | None:
    path = call.params.text("unmanaged_path", "unmanagedPath")
    if path and not call.caller.is_superadmin:
        raise forbidden("Only superadmins can use folders of the host")
    if path and not (path.startswith("/") and _is_folder(path)):
        why = f"there is no folder {path!r} on the host"
        raise invalid_params(why, {"unmanaged_path": why})
    return path or None


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # The path is longer than the system allows.
        return False


def _quota(text: str | None) -> int | None:
    """Read a limit in bytes; 0 means no limit, and older clients always send 0."""
    try:
        return parse_size(text or "0") or None
    except AmountError:
        why = f"{text!r} is not a size like 512m or 2g"
        raise invalid_params(f"quota: {why}", {"quota": why}) from None


def refuse_taken(call: Call, name: str, folder: VFolder) -> None:
    """Raise Problem 400 if the caller or the group already has a folder with this name."""
    having = [access.folder for access in accesses(call.cluster.store, call.owner)]
    others = [*having, *call.cluster.store.folders.of_scope(folder.quota_scope_id)]
    if any(other.name == name and other.id != folder.id for other in others):
        raise taken(name)


def taken(name: str) -> Problem:
    """Return Problem 400: there is already a folder with this name."""
    return Problem(
        400,
        "vfolder-already-exists",
        "The virtual folder already exists with the same name.",
        f"there is a folder {name!r} already",
    )


async def list_folders(call: Call) -> Response:
    """`GET /folders`: all folders of the caller, or those of one group."""
    store = call.cluster.store
    group = call.params.text("group_id", "groupId", "group")
    who = call.owner
    if email := call.params.text("owner_user_email", "ownerUserEmail"):
        who = _other_user(call, email)
    mounted = store.folders.mounted()
    return reply(
        [
            listed(store, access, mounted)
            for access in accesses(store, who)
            if not group or access.folder.group_id == group
            if access.folder.status != DELETING
        ]
    )


def _other_user(call: Call, email: str) -> Caller:
    if not call.caller.is_superadmin:
        raise forbidden("Only superadmins can see the folders of others")
    accounts = call.cluster.store.accounts
    user = accounts.user_by_email(email)
    keypair = accounts.keypair(user.main_access_key or "") if user else None
    if user is None or keypair is None:
        raise not_found("user", f"no user {email!r}")
    return Caller(keypair, user)


async def find_id(call: Call) -> Response:
    """`GET /folders/_/id`: the id of the folder with a name."""
    name = call.params.required("name", "vfolder_name", "vfolderName")
    folder = find(call, name, any_status=True).folder
    return reply({"id": folder.id, "name": folder.name})


async def info(call: Call) -> Response:
    """`GET /folders/{f}`: a folder and its disk usage."""
    access = named(call, any_status=True)
    volume = call.cluster.storage.volume
    usage = await on_disk(lambda: count(place(volume, access.folder)))
    return reply(described(access, usage, call.cluster.store.folders.mounted()))


async def rename(call: Call) -> Response:
    """`POST /folders/{f}/rename`: give a folder another name."""
    folder = named(call, OWNER).folder
    name = check_name(
        call.params.required("new_name", "newName"), is_group=folder.group_id is not None
    )
    refuse_taken(call, name, folder)
    check_permission(call, folder, "modify-vfolder")
    call.cluster.store.folders.update(folder.id, name=name)
    return _changed(call)


async def update_options(call: Call) -> Response:
    """`POST /folders/{f}/update-options`: change `cloneable` and `permission`."""
    folder, params = named(call, OWNER).folder, call.params
    check_permission(call, folder, "modify-vfolder")
    changes: dict[str, object] = {}
    if params.get("cloneable") is not None:
        changes["cloneable"] = params.boolean("cloneable")
    if permission := params.text("permission"):
        changes["permission"] = check_choice("permission", permission, PERMISSIONS)
    if not changes:
        raise invalid_params("nothing to update: give cloneable or permission")
    call.cluster.store.folders.update(folder.id, **changes)
    return _changed(call)


def _changed(call: Call) -> Response:
    """Answer a change with the status code that older or newer clients expect."""
    return reply({}, 200 if is_modern(call) else 201)


def is_modern(call: Call) -> bool:
    """Return whether the client uses the API of 24.03 or later."""
    return read_version(call.request.headers).text >= "v8"


ROUTES: Routes = (
    route("POST", "/folders", create),
    route("GET", "/folders", list_folders),
    route("GET", "/folders/_/id", find_id),
    route("GET", "/folders/{f}", info),
    route("POST", "/folders/{f}/rename", rename),
    route("POST", "/folders/{f}/update-options", update_options),
)
