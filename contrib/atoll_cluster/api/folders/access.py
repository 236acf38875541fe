"""Find the folders of a user and the permissions on them, by a name or an id.

If a user has no permission on a folder, the answer is the same as for a folder that does not exist.
"""

import uuid

from attrs import frozen

from atoll_cluster.api.request.access import Caller
from atoll_cluster.api.request.call import Call
from atoll_cluster.api.request.problems import Problem, forbidden, not_found
from atoll_cluster.store.folders import CLONING, DELETING, TRASHED, VFolder
from atoll_cluster.store.store import Store

OWNER = "owner"
_LEVELS = {"ro": 0, "rw": 1, "wd": 2, OWNER: 3}
_WORDS = {"rw": "written to", "wd": "deleted from", OWNER: "changed"}


@frozen
class Access:
    """A folder and the permissions of a user on it.

    `right` is what the user may do with it: `ro`, `rw`, `wd`, or `owner`. `permission` applies in
    the user's sessions that mount the folder.
    """

    folder: VFolder
    right: str
    permission: str
    is_owner: bool

    def allows(self, need: str) -> bool:
        """Return whether the user has at least the right `need`."""
        return _LEVELS[self.right] >= _LEVELS[need]


def accesses(store: Store, who: Caller) -> list[Access]:
    """Return all folders that a user can access, the oldest first."""
    groups = [group.id for group in store.accounts.groups(who.user.uuid)]
    shares = {share.vfolder: share.permission for share in store.folders.shares(user=who.user.uuid)}
    administered = _administered(store, who)
    found = store.folders.accessible(who.user.uuid, [*groups, *administered])
    return [_access(folder, who, shares.get(folder.id), administered) for folder in found]


def _administered(store: Store, who: Caller) -> list[str]:
    """Return the ids of the groups whose folders the caller can manage."""
    if not (who.is_superadmin or who.is_domain_admin):
        return []
    groups = store.accounts.groups()
    own = who.user.domain_name
    return [group.id for group in groups if who.is_superadmin or group.domain_name == own]


def _access(folder: VFolder, who: Caller, shared: str | None, administered: list[str]) -> Access:
    if folder.user == who.user.uuid:
        return Access(folder, OWNER, folder.permission, is_owner=True)
    if folder.group_id in administered:
        return Access(folder, OWNER, shared or folder.permission, is_owner=True)
    permission = shared or folder.permission
    return Access(folder, permission, permission, is_owner=False)


def named(call: Call, need: str = "ro", *, any_status: bool = False) -> Access:
    """Return the folder that `{f}` in the path names; raises the same Problems as `find`."""
    return find(call, call.path("f"), need, any_status=any_status)


def find(call: Call, reference: str, need: str = "ro", *, any_status: bool = False) -> Access:
    """Return the folder of the caller that a name or an id refers to.

    Raises Problem 404 if there is none or more than one, and 403 if the right is not sufficient.
    Unless `any_status` is given, raises 400 if the folder is in the trash or is being cloned.
    """
    found = one_of(call.cluster.store, call.owner, reference, any_status=any_status)
    if not found.allows(need):
        raise forbidden(f"folder {found.folder.name!r} cannot be {_WORDS[need]} by you")
    return found


def one_of(store: Store, who: Caller, reference: str, *, any_status: bool = False) -> Access:
    """Return the folder of a user that a name or an id refers to; raises as `find` does."""
    found = _one(matching(store, who, reference), reference)
    if found.folder.status == DELETING:
        raise no_folder(reference)
    if found.folder.status == CLONING and not any_status:
        raise busy(f"folder {found.folder.name!r} is being cloned")
    if found.folder.status == TRASHED and not any_status:
        raise busy(f"folder {found.folder.name!r} is in the trash; restore it first")
    return found


def matching(store: Store, who: Caller, reference: str) -> list[Access]:
    """Return the folders that a reference can mean: the one with that id, otherwise by name.

    Superadmins can find any folder by its id.
    """
    having = accesses(store, who)
    folder_id = as_id(reference)
    if folder_id:
        by_id = [access for access in having if access.folder.id == folder_id]
        anyones = store.folders.get(folder_id) if who.is_superadmin and not by_id else None
        if anyones:
            return [Access(anyones, OWNER, anyones.permission, is_owner=True)]
        if by_id:
            return by_id
    return [access for access in having if access.folder.name == reference]


def _one(found: list[Access], reference: str) -> Access:
    living = [access for access in found if access.folder.status != TRASHED]
    chosen = living or found
    if not chosen:
        raise no_folder(reference)
    if len(chosen) > 1:
        matches = [
            {"id": one.folder.id, "name": one.folder.name, "creator": one.folder.creator}
            for one in chosen
        ]
        raise Problem(
            404,
            "too-many-vfolders",
            "Multiple virtual folders found.",
            f"{len(chosen)} folders are named {reference!r}; use its id",
            {"matches": matches},
        )
    return chosen[0]


def as_id(text: str) -> str | None:
    """Return a UUID without dashes, None for any other text."""
    try:
        return uuid.UUID(text).hex if len(text) in {32, 36} else None
    except ValueError:
        return None


def no_folder(reference: str) -> Problem:
    """Return Problem 404: the caller has no such folder."""
    return not_found("virtual folder", f"no folder {reference!r}")


def busy(msg: str) -> Problem:
    """Return Problem 400: the status of the folder does not allow the request."""
    return Problem(
        400, "vfolder-filter-status-failed", "Virtual folder is not in the right status.", msg
    )
