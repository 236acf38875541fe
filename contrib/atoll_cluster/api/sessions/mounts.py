"""Read which folders a session mounts, and at which paths.

A request names folders in `mounts` and `mount_ids`, their mount paths in `mount_map` and
`mount_id_map`, and fewer permissions in `mount_options`. Every session of an owner also mounts the
owner's folders whose names begin with a dot.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from atoll_cluster.api.folders.access import Access, accesses, one_of
from atoll_cluster.api.folders.disk import place
from atoll_cluster.api.request.access import Caller
from atoll_cluster.api.request.params import Params
from atoll_cluster.api.request.problems import forbidden, invalid_params
from atoll_cluster.cluster import Cluster
from atoll_cluster.engine.services.ssh import IDENTITY
from atoll_cluster.store.folder_limits import folder_limits

HOME = PurePosixPath("/home/work")
_RESERVED = frozenset(
    {
        "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt",
        "opt", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var",
    }
)  # fmt: skip
"""The system's folders in `/`; mounts outside of the home cannot be in them."""

_RANKS = ("ro", "rw", "wd")

Mounts = list[dict[str, str]]
"""Each mount has the keys `vfolder`, `name`, `path`, `permission` and `source`."""


def read_mounts(cluster: Cluster, owner: Caller, config: Params) -> Mounts:
    """Return the mounts of a session's configuration; raises Problem 400, 403 or 404."""
    wanted = [_wanted(cluster, owner, config, name) for name in _names(config)]
    having = accesses(cluster.store, owner)
    taken = {mount["vfolder"] for mount in wanted}
    paths = {mount["path"] for mount in wanted}
    implied = [
        _mount(cluster, access, HOME / access.folder.name, access.permission)
        for access in having
        if access.folder.user == owner.user.uuid and access.folder.name.startswith(".")
        if access.folder.status == "ready" and access.folder.id not in taken
        if str(HOME / access.folder.name) not in paths
    ]
    mounts = [*wanted, *implied]
    _refuse_clashes(mounts)
    return mounts


def note_use(cluster: Cluster, mounts: Sequence[Mapping[str, str]]) -> None:
    """Record that a session uses these folders now."""
    for mount in mounts:
        cluster.store.usage.folder(mount["vfolder"])


def _names(config: Params) -> list[str]:
    """Return the names and ids of the requested folders without duplicates."""
    named = [*config.sequence("mounts"), *config.sequence("mount_ids", "mountIds")]
    maps = (config.mapping("mount_map", "mountMap"), config.mapping("mount_id_map", "mountIdMap"))
    wrong = [name for name in named if not isinstance(name, str) or not name]
    if wrong:
        raise invalid_params(
            f"mounts must be names of folders, not {wrong[0]!r}",
            {"mounts": "must be names of folders"},
        )
    return list(dict.fromkeys([*named, *(name for paths in maps for name in paths)]))


def _wanted(cluster: Cluster, owner: Caller, config: Params, name: str) -> dict[str, str]:
    if "/" in name:
        raise invalid_params(
            f"{name!r}: only whole folders can be mounted",
            {"mounts": f"{name!r}: only whole folders can be mounted, by name"},
        )
    access = one_of(cluster.store, owner, name)
    _check_permission(cluster, owner, access)
    options = _options(config, name)
    given = options.text("mount_destination") or _given_path(config, name)
    permission = _lesser(access.permission, options.text("permission", "perm"))
    path = _path(access.folder.name, given or access.folder.name)
    return _mount(cluster, access, path, permission)


def _options(config: Params, name: str) -> Params:
    found = config.mapping("mount_options", "mountOptions").get(name) or {}
    if not isinstance(found, dict):
        raise invalid_params("mount_options must be maps", {"mount_options": "must be maps"})
    if found.get("subpath") not in {None, "", "."}:
        why = f"folder {name!r}: only whole folders can be mounted"
        raise invalid_params(why, {"mount_options": why})
    return Params(found)


def _given_path(config: Params, name: str) -> str | None:
    by_name = Params(config.mapping("mount_map", "mountMap")).text(name)
    return by_name or Params(config.mapping("mount_id_map", "mountIdMap")).text(name)


def _check_permission(cluster: Cluster, owner: Caller, access: Access) -> None:
    folder = access.folder
    group = cluster.store.accounts.group(folder.group_id) if folder.group_id else None
    hosts = folder_limits(cluster.store, owner.user, owner.keypair, group).hosts
    if "mount-in-session" not in hosts.get(folder.host, ()) and not owner.is_superadmin:
        raise forbidden(f"mount-in-session is not allowed for you on host {folder.host}")


def _lesser(own: str, asked: str | None) -> str:
    """Return the requested permission, but not more than the user's own."""
    if asked is None:
        return own
    if asked not in _RANKS:
        why = f"unknown permission {asked!r}; use one of {', '.join(_RANKS)}"
        raise invalid_params(why, {"mount_options": why})
    return min(own, asked, key=_RANKS.index)


def _path(name: str, text: str) -> PurePosixPath:
    """Return the mount path of a folder; raises Problem 400 if it is invalid or reserved."""
    path, why = HOME / text, None
    if "\0" in text or any(len(part) > 255 for part in path.parts):
        why = "no system has"
    elif ".." in path.parts:
        why = "leads upwards"
    elif path == HOME:
        why = "is the home itself"
    elif path == HOME / IDENTITY:
        why = "is the session's SSH key"
    elif not path.is_relative_to(HOME) and (path.parts[1:2] == () or path.parts[1] in _RESERVED):
        why = "belongs to the system"
    if why:
        message = f"folder {name!r} cannot be mounted at {text!r}, which {why}"
        raise invalid_params(message, {"mount_map": f"{message}; {HOME}/{name} is free"})
    return path


def _mount(
    cluster: Cluster, access: Access, path: PurePosixPath, permission: str
) -> dict[str, str]:
    return {
        "vfolder": access.folder.id,
        "name": access.folder.name,
        "path": str(path),
        "permission": permission,
        "source": str(place(cluster.storage.volume, access.folder)),
    }


def _refuse_clashes(mounts: Mounts) -> None:
    for one, other in _pairs(mounts):
        first, second = PurePosixPath(one["path"]), PurePosixPath(other["path"])
        if one["vfolder"] == other["vfolder"]:
            why = f"folder {one['name']!r} is named twice"
            raise invalid_params(why, {"mounts": why})
        if first.is_relative_to(second) or second.is_relative_to(first):
            why = f"folder {one['name']!r} at {first} and folder {other['name']!r} at {second}"
            why += " would lie in each other"
            raise invalid_params(why, {"mount_map": why})


def _pairs(items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for position, item in enumerate(items):
        for other in items[position + 1 :]:
            yield item, other
