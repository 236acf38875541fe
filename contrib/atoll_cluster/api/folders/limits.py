"""Check the limits of folders: their number, their size, and the permissions on the host."""

from atoll_cluster.api.folders.disk import full, on_disk, place
from atoll_cluster.api.request.call import Call
from atoll_cluster.api.request.problems import Problem, forbidden, quota_exceeded
from atoll_cluster.cluster import Cluster
from atoll_cluster.storage.tree import Tree
from atoll_cluster.store.folder_limits import FolderLimits, Limit, folder_limits
from atoll_cluster.store.folders import VFolder
from atoll_cluster.store.store import Store


def check_count(call: Call, folder: VFolder) -> None:
    """Raise Problem 412 if the owner of a new folder already has as many as allowed."""
    store = call.cluster.store
    limits = _limits(store, folder)
    having = len(store.folders.of_scope(folder.quota_scope_id))
    if limits and limits.count.exceeded_by(having + 1):
        limit = limits.count
        raise quota_exceeded(f"{limit.policy} allows {limit.amount} folders")


def check_disk(cluster: Cluster, more: int) -> None:
    """Raise Problem 507 if the disk has no room for `more` bytes."""
    if more > cluster.storage.volume.space()[1]:
        raise full(f"the disk of the cluster has no room for {more} bytes")


async def check_room(cluster: Cluster, folder: VFolder, more: int, path: str = "") -> None:
    """Raise Problem 413 if a quota has no room for `more` bytes.

    The new bytes replace a file at `path`, so the size of that file is not counted.
    """
    folders, limits = cluster.store.folders, _limits(cluster.store, folder)
    scope_id = folder.quota_scope_id
    of_folder = [Limit(folder.max_size or 0, f"folder {folder.name!r}")]
    of_scope = [Limit(folders.scope_limit(scope_id), f"the quota of {scope_id}")]
    if limits:
        of_folder.append(limits.folder_size)
        of_scope.append(limits.scope_size)
    if any(limit.amount for limit in of_folder):
        _refuse_excess(of_folder, await _used(cluster, [folder], folder, path), more)
    if any(limit.amount for limit in of_scope):
        together = folders.of_scope(scope_id)
        _refuse_excess(of_scope, await _used(cluster, together, folder, path), more)


def check_permission(call: Call, folder: VFolder, permission: str) -> None:
    """Raise Problem 403 if the caller may not do this on the folder's host."""
    store, owner = call.cluster.store, call.owner
    group = store.accounts.group(folder.group_id) if folder.group_id else None
    hosts = folder_limits(store, owner.user, owner.keypair, group).hosts
    if permission not in hosts.get(folder.host, ()) and not owner.is_superadmin:
        raise forbidden(f"{permission} is not allowed for you on host {folder.host}")


async def _used(cluster: Cluster, folders: list[VFolder], folder: VFolder, path: str) -> int:
    """Return the bytes of folders, without the file that will be replaced."""
    volume, size = cluster.storage.volume, cluster.storage.sizes.size
    paths, tree = [place(volume, one) for one in folders], Tree(place(volume, folder))
    return await on_disk(lambda: sum(map(size, paths)) - tree.size_of_file(path))


def _refuse_excess(limits: list[Limit], used: int, more: int) -> None:
    for limit in limits:
        if limit.exceeded_by(used + more):
            raise Problem(
                413,
                "storage/quota-exceeded",
                "The quota of the folder is exceeded.",
                f"{limit.policy} allows {limit.amount} bytes; "
                f"{used} are in use, {more} more do not fit",
            )


def _limits(store: Store, folder: VFolder) -> FolderLimits | None:
    """Return the limits of a folder, from its owner's main keypair or its group."""
    accounts = store.accounts
    user = accounts.user(folder.user) if folder.user else accounts.user_by_email(folder.creator)
    keypair = accounts.keypair(user.main_access_key or "") if user else None
    group = accounts.group(folder.group_id) if folder.group_id else None
    return folder_limits(store, user, keypair, group) if user and keypair else None
