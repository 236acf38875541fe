"""Share folders: invitations, permissions on folders of groups, changes of the owner."""

from typing import Any
from uuid import uuid4

from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.folders.access import OWNER, Access, accesses, find, named
from atoll_cluster.api.folders.limits import check_permission
from atoll_cluster.api.folders.manage import taken
from atoll_cluster.api.folders.naming import PERMISSIONS, check_choice
from atoll_cluster.api.folders.trash import refuse_busy
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem, forbidden, invalid_params, not_found
from atoll_cluster.store.folders import Invitation, Share, VFolder
from atoll_cluster.store.records import User


async def invite(call: Call) -> Response:
    """`POST /folders/{f}/invite`: invite users by their email addresses."""
    folder = _own_to_share(call).folder
    check_permission(call, folder, "invite-others")
    permission, store = _permission(call, "rw"), call.cluster.store.folders
    invited = [
        user
        for user in _users(call, "emails", "user_ids", "userIDs")
        if not _has(call, folder, user) and not _is_invited(call, folder, user)
    ]
    with store.db.transaction():
        for user in invited:
            store.invite(_offer(call, folder, user, permission))
    return reply({"invited_ids": [user.email for user in invited]}, 201)


def _offer(call: Call, folder: VFolder, user: User, permission: str) -> Invitation:
    at = clock.now()
    return Invitation(
        id=uuid4().hex,
        vfolder=folder.id,
        inviter=call.caller.user.email,
        invitee=user.email,
        permission=permission,
        created_at=at,
        modified_at=at,
    )


def _own_to_share(call: Call) -> Access:
    access = named(call, OWNER)
    if access.folder.name.startswith("."):
        raise forbidden("a folder whose name begins with a dot cannot be shared")
    return access


def _permission(call: Call, usual: str) -> str:
    text = call.params.text("perm", "permission", "user_perm") or usual
    return check_choice("permission", text, PERMISSIONS)


def _users(call: Call, *names: str) -> list[User]:
    """Return the users in a request; raises Problem 404 if one is unknown.

    A user of another domain counts as unknown, so that the answer does not reveal who exists.
    """
    accounts, domain = call.cluster.store.accounts, call.caller.user.domain_name
    emails = [str(email) for email in call.params.sequence(*names)]
    if not emails:
        raise invalid_params(f"{names[0]} is required", {names[0]: "is required"})
    found = []
    for email in emails:
        user = accounts.user_by_email(email)
        if user is None or not (user.domain_name == domain or call.caller.is_superadmin):
            raise not_found("user", f"no user {email!r}")
        found.append(user)
    return found


def _is_invited(call: Call, folder: VFolder, user: User) -> bool:
    where = "vfolder = ? AND invitee = ?"
    return bool(call.cluster.store.folders.invitations(where, folder.id, user.email))


def _has(call: Call, folder: VFolder, user: User) -> bool:
    shares = call.cluster.store.folders.shares(folder.id, user.uuid)
    return folder.user == user.uuid or bool(shares)


async def list_received(call: Call) -> Response:
    """`GET /folders/invitations/list`: the invitations that the caller has received."""
    return _invitations(call, "invitee = ?")


async def list_sent(call: Call) -> Response:
    """`GET /folders/invitations/list-sent`: the invitations that the caller has sent."""
    return _invitations(call, "inviter = ?")


def _invitations(call: Call, where: str) -> Response:
    store = call.cluster.store.folders
    found = store.invitations(where, call.caller.user.email)
    return reply({"invitations": [_invitation(one, store.get(one.vfolder)) for one in found]})


def _invitation(one: Invitation, folder: VFolder | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "inviter": one.inviter,
        "invitee": one.invitee,
        "perm": one.permission,
        "mount_permission": one.permission,
        "state": one.state,
        "created_at": one.created_at,
        "modified_at": one.modified_at,
        "vfolder_id": one.vfolder,
        "vfolder_name": folder.name if folder else None,
    }


def _find_invitation(call: Call, reference: str) -> Invitation:
    """Find an open invitation by its id, with or without dashes; raises Problem 404."""
    found = call.cluster.store.folders.invitation(reference.replace("-", "").lower())
    if found is None or call.caller.user.email not in {found.inviter, found.invitee}:
        raise not_found("vfolder invitation", f"no invitation {reference!r}")
    return found


async def update_invitation(call: Call) -> Response:
    """`POST /folders/invitations/update/{inv_id}`: change the permission; for the inviter."""
    found = _find_invitation(call, call.path("inv_id"))
    if found.inviter != call.caller.user.email:
        raise forbidden("only the inviter can change an invitation")
    permission = _permission(call, found.permission)
    call.cluster.store.folders.change_invitation(found.id, permission=permission)
    return reply({"msg": f"vfolder invitation updated: {found.id}."})


async def accept(call: Call) -> Response:
    """`POST /folders/invitations/accept`; refused if the invitee has a folder with this name."""
    found = _find_invitation(call, call.params.required("inv_id"))
    user, store = call.caller.user, call.cluster.store
    folder = store.folders.get(found.vfolder)
    if found.invitee != user.email or folder is None:
        raise not_found("vfolder invitation", f"no invitation {found.id!r}")
    names = {access.folder.name for access in accesses(store, call.caller)}
    if folder.name in names:
        raise taken(folder.name)
    with store.db.transaction():
        store.folders.share(Share(vfolder=folder.id, user=user.uuid, permission=found.permission))
        store.folders.change_invitation(found.id, state="accepted")
    return reply({})


async def decline(call: Call) -> Response:
    """`DELETE` and `POST /folders/invitations/delete`: reject or withdraw an invitation."""
    found = _find_invitation(call, call.params.required("inv_id"))
    state = "rejected" if found.invitee == call.caller.user.email else "canceled"
    call.cluster.store.folders.change_invitation(found.id, state=state)
    return reply({})


async def share(call: Call) -> Response:
    """`POST /folders/{f}/share`: give users of a group other permissions on its folder."""
    folder, users = _group_folder(call), _users(call, "emails")
    check_permission(call, folder, "set-user-specific-permission")
    permission, store = _permission(call, "rw"), call.cluster.store
    outside = [
        user.email
        for user in users
        if not store.accounts.is_member(folder.group_id or "", user.uuid)
    ]
    if outside:
        raise not_found("user", f"not in the group of the folder: {', '.join(outside)}")
    with store.db.transaction():
        for user in users:
            store.folders.share(Share(vfolder=folder.id, user=user.uuid, permission=permission))
    return reply({"shared_emails": [user.email for user in users]}, 201)


async def unshare(call: Call) -> Response:
    """`DELETE` and `POST /folders/{f}/unshare`: remove these permissions."""
    folder, users = _group_folder(call), _users(call, "emails")
    store = call.cluster.store.folders
    with store.db.transaction():
        removed = [user.email for user in users if store.unshare(folder.id, user.uuid)]
    if not removed:
        raise not_found("vfolder permission", "the folder is not shared with any of these users")
    return reply({"unshared_emails": removed})


def _group_folder(call: Call) -> VFolder:
    folder = _own_to_share(call).folder
    if folder.group_id is None:
        raise Problem(
            404,
            "object-not-found",
            "No such virtual folder.",
            f"{folder.name!r} is a folder of a user; invite others to it",
        )
    return folder


async def leave(call: Call) -> Response:
    """`POST /folders/{f}/leave`: leave a shared folder; its owner can remove a user."""
    access, store = named(call, any_status=True), call.cluster.store.folders
    user = call.params.text("shared_user_uuid", "sharedUserUuid") or call.caller.user.uuid
    if user != call.caller.user.uuid and not access.allows(OWNER):
        raise forbidden("only the owner can stop sharing a folder")
    if access.folder.group_id is not None:
        raise invalid_params("you cannot leave a folder of a group", {"folder": "of a group"})
    if not store.unshare(access.folder.id, user):
        raise invalid_params("the owner cannot leave a folder", {"folder": "is one's own"})
    return reply({"msg": f"left the shared vfolder, name: {access.folder.name}"})


async def list_shared(call: Call) -> Response:
    """`GET /folders/_/shared`: the shares of the folders that the caller owns or manages."""
    store = call.cluster.store
    reference = call.params.text("vfolder_id", "vfolderId")
    having = [find(call, reference, OWNER)] if reference else accesses(store, call.caller)
    owned = {access.folder.id: access.folder for access in having if access.allows(OWNER)}
    shares = store.folders.shares()
    return reply({"shared": [_shared(call, one, owned[one.vfolder]) for one in shares
                             if one.vfolder in owned]})  # fmt: skip


def _shared(call: Call, share: Share, folder: VFolder) -> dict[str, Any]:
    user = call.cluster.store.accounts.user(share.user)
    return {
        "vfolder_id": folder.id,
        "vfolder_name": folder.name,
        "status": folder.status,
        "owner": folder.creator,
        "type": folder.ownership_type,
        "shared_to": {"uuid": share.user, "email": user.email if user else None},
        "perm": share.permission,
    }


async def update_shared(call: Call) -> Response:
    """`POST /folders/_/shared`: change a user's permission; null stops the sharing."""
    folder = find(call, call.params.required("vfolder"), OWNER).folder
    _set_share(call, folder, call.params.required("user"), call.params.text("perm", "permission"))
    return reply({"msg": "shared vfolder permission updated"})


async def update_sharing(call: Call) -> Response:
    """`POST /folders/_/sharing`: change the permissions of several users."""
    folder = find(call, call.params.required("vfolder", "vfolder_id"), OWNER).folder
    wanted = call.params.sequence("user_perm", "user_perm_list")
    if not all(isinstance(one, dict) for one in wanted):
        raise invalid_params("user_perm must be a list of maps", {"user_perm": "invalid"})
    with call.cluster.store.db.transaction():
        for one in wanted:
            _set_share(call, folder, str(one.get("user_id")), one.get("perm"))
    return Response(status_code=201)


def _set_share(call: Call, folder: VFolder, user: str, permission: str | None) -> None:
    store = call.cluster.store.folders
    if not store.shares(folder.id, user):
        raise not_found("vfolder permission", f"the folder is not shared with {user!r}")
    if permission is None:
        store.unshare(folder.id, user)
        return
    check_choice("permission", permission, PERMISSIONS)
    store.share(Share(vfolder=folder.id, user=user, permission=permission))


async def change_ownership(call: Call) -> Response:
    """`POST /folders/_/change-ownership`, for superadmins: change the owner."""
    if not call.caller.is_superadmin:
        raise forbidden("Only superadmins can do this")
    folder = find(call, call.params.required("vfolder"), OWNER).folder
    store = call.cluster.store
    user = store.accounts.user_by_email(call.params.required("user_email"))
    if user is None or user.status != "active":
        raise not_found("user", "there is no active user with this email address")
    if folder.user is None:
        raise invalid_params(
            "a folder of a group cannot have a user as its owner", {"vfolder": "of a group"}
        )
    refuse_busy(call, folder)
    if any(one.name == folder.name for one in store.folders.accessible(user.uuid, ())
           if one.id != folder.id):  # fmt: skip
        raise taken(folder.name)
    with store.db.transaction():
        store.folders.unshare(folder.id, user.uuid)
        store.folders.update(folder.id, user=user.uuid, domain_name=user.domain_name)
    return reply({})


ROUTES: Routes = (
    route("GET", "/folders/invitations/list", list_received),
    route("GET", "/folders/invitations/list-sent", list_sent),
    route("GET", "/folders/invitations/list_sent", list_sent),
    route("POST", "/folders/invitations/update/{inv_id}", update_invitation),
    route("POST", "/folders/invitations/accept", accept),
    route("DELETE POST", "/folders/invitations/delete", decline),
    route("GET", "/folders/_/shared", list_shared),
    route("POST", "/folders/_/shared", update_shared),
    route("POST", "/folders/_/sharing", update_sharing),
    route("POST", "/folders/_/change-ownership", change_ownership),
    route("POST", "/folders/{f}/invite", invite),
    route("POST", "/folders/{f}/share", share),
    route("DELETE POST", "/folders/{f}/unshare", unshare),
    route("POST", "/folders/{f}/leave", leave),
)
