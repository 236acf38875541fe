"""How many folders there may be, how much may lie in them, and what may be done on their host."""

from atoll_local.api.access import Caller
from atoll_local.api.call import Call
from atoll_local.api.problems import Problem, forbidden, quota_exceeded
from atoll_local.api.vfolders.disk import full, on_disk, place
from atoll_local.storage.volume import count
from atoll_local.store.folders import VFolder
from atoll_local.store.policies import FolderLimits, Limit, folder_limits


def check_count(call: Call, folder: VFolder) -> None:
    """Raise Problem 412 when the owner of a new folder has as many as allowed."""
    limit = _limits(call, folder).count
    if limit.exceeded_by(len(call.cluster.store.folders.owned(folder)) + 1):
        raise quota_exceeded(f"{limit.policy} allows {limit.amount} folders")


async def check_room(call: Call, folder: VFolder, more: int) -> None:
    """Raise Problem 413 when `more` bytes don't fit, 507 when the disk has no room for them."""
    limits, own = _limits(call, folder), Limit(folder.max_size or 0, f"folder {folder.name!r}")
    if more > call.cluster.storage.volume.space()[1]:
        raise full("the disk of the cluster has no room for this file")
    if own.amount or limits.folder_size.amount:
        used = await _used(call, [folder])
        _refuse_excess(own, used, more)
        _refuse_excess(limits.folder_size, used, more)
    if limits.scope_size.amount:
        used = await _used(call, call.cluster.store.folders.owned(folder))
        _refuse_excess(limits.scope_size, used, more)


def check_permission(call: Call, folder: VFolder, permission: str) -> None:
    """Raise Problem 403 when the caller may not do this on the folder's host."""
    allowed = _limits(call, folder, call.owner).hosts.get(folder.host, frozenset())
    if permission not in allowed and not call.owner.is_superadmin:
        raise forbidden(f"{permission} is not allowed to you on host {folder.host}")


async def _used(call: Call, folders: list[VFolder]) -> int:
    paths = [place(call.cluster.storage.volume, folder) for folder in folders]
    return await on_disk(lambda: sum(count(path).size for path in paths))


def _refuse_excess(limit: Limit, used: int, more: int) -> None:
    if limit.exceeded_by(used + more):
        raise Problem(
            413,
            "storage/quota-exceeded",
            "The quota of the folder is exceeded.",
            f"{limit.policy} allows {limit.amount} bytes; {used} are taken, {more} more do not fit",
        )


def _limits(call: Call, folder: VFolder, who: Caller | None = None) -> FolderLimits:
    """Return what holds for a folder, or with `who` for what that user does with it."""
    accounts = call.cluster.store.accounts
    owner = who or call.owner
    if who is None and folder.user and folder.user != owner.user.uuid:
        user = accounts.user(folder.user)
        keypair = accounts.keypair(user.main_access_key or "") if user else None
        owner = Caller(keypair, user) if user and keypair else owner
    group = accounts.group(folder.group_id) if folder.group_id else None
    return folder_limits(call.cluster.store, owner.user, owner.keypair, group)
