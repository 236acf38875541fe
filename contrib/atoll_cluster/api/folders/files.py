"""List, create, move and remove files in folders, and get tokens for uploads and downloads."""

import json
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.folders.access import Access, named
from atoll_cluster.api.folders.disk import explained, on_disk, place
from atoll_cluster.api.folders.limits import check_disk, check_permission, check_room
from atoll_cluster.api.folders.manage import is_modern
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.hosts import client_host
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.storage.path_encoding import printable_path
from atoll_cluster.storage.tree import Entry, Tree, names_of

UPLOAD, DOWNLOAD, ARCHIVE = "upload", "download", "download-archive"
_MAX_SIZE = 2**62
_MOST_PATHS = 5000


def tree_of(call: Call, access: Access) -> Tree:
    """Return the files of a folder."""
    return Tree(place(call.cluster.storage.volume, access.folder))


async def list_files(call: Call) -> Response:
    """`GET /folders/{f}/files`: as a list for newer clients, and as a JSON text for older ones."""
    tree, path = tree_of(call, named(call)), call.params.text("path") or ""
    entries = await on_disk(lambda: tree.entries(path), path)
    items = [_item(entry, as_number=is_modern(call)) for entry in entries]
    return reply({"items": items, "files": json.dumps([_older_item(entry) for entry in entries])})


def _item(entry: Entry, *, as_number: bool) -> dict[str, Any]:
    status = entry.status
    return {
        "name": printable_path(entry.name),
        "type": _type(status.st_mode),
        "size": status.st_size,
        "mode": status.st_mode if as_number else f"{stat.S_IMODE(status.st_mode) & 0o777:03o}",
        "created": _moment(status.st_ctime),
        "modified": _moment(status.st_mtime),
        **entry.extra_fields,
    }


def _type(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "SYMLINK"
    return "DIRECTORY" if stat.S_ISDIR(mode) else "FILE"


def _older_item(entry: Entry) -> dict[str, Any]:
    return {
        "filename": printable_path(entry.name),
        "size": entry.status.st_size,
        "mode": stat.filemode(entry.status.st_mode),
        "ctime": entry.status.st_ctime,
        "atime": 0,
        "mtime": entry.status.st_mtime,
    }


def _moment(seconds: float) -> str:
    return clock.stamp(datetime.fromtimestamp(seconds, UTC))


async def mkdir(call: Call) -> Response:
    """`POST /folders/{f}/mkdir`: create one folder; newer clients can create several."""
    tree, params = tree_of(call, named(call, "rw")), call.params
    paths = _paths(params.sequence("path"), "path")
    parents = params.boolean("parents", default=True)
    exist_ok = params.boolean("exist_ok", "existOk")
    await on_disk(
        lambda: each(paths, lambda path: tree.make(path, parents=parents, exist_ok=exist_ok))
    )
    success = [{"item": path, "msg": None} for path in paths]
    status = 200 if is_modern(call) else 201
    return reply({"results": {"success": success, "failed": []}}, status)


def each(paths: Sequence[str], work: Callable[[str], object]) -> None:
    """Check all paths, then call `work` with each; raises Problem."""
    for path in paths:
        with explained(path):
            names_of(path)
    for path in paths:
        with explained(path):
            work(path)


def _paths(given: list[Any], name: str) -> list[str]:
    if not given or not all(isinstance(path, str) and path for path in given):
        raise invalid_params(f"{name} must be paths", {name: "must be texts"})
    if len(given) > _MOST_PATHS:
        raise invalid_params(f"{name}: at most {_MOST_PATHS} paths are allowed", {name: "too many"})
    return given


async def rename_file(call: Call) -> Response:
    """`POST /folders/{f}/rename-file`: rename a file within its folder."""
    access, params = named(call, "rw"), call.params
    source, name = params.required("target_path"), params.required("new_name")
    if "/" in name:
        raise invalid_params(f"{name!r} is a path, not a name", {"new_name": "must be a name"})
    above, slash, _ = source.rstrip("/").rpartition("/")
    return await _move(call, access, source, f"{above}{slash}{name}")


async def move_file(call: Call) -> Response:
    """`POST /folders/{f}/move-file`: move a file within the vfolder."""
    access, params = named(call, "rw"), call.params
    return await _move(call, access, params.required("src"), params.required("dst"))


async def _move(call: Call, access: Access, source: str, target: str) -> Response:
    tree = tree_of(call, access)
    await on_disk(lambda: tree.move(source, target), source)
    return reply({})


async def delete_files(call: Call) -> Response:
    """`DELETE` and `POST /folders/{f}/delete-files`; stops at the first missing file."""
    tree, params = tree_of(call, named(call, "rw")), call.params
    recursive = params.boolean("recursive")
    paths = _paths(params.sequence("files"), "files")
    await on_disk(lambda: each(paths, lambda path: tree.remove(path, recursive=recursive)))
    call.cluster.storage.sizes.forget(tree.root)
    return reply({})


async def request_upload(call: Call) -> Response:
    """`POST /folders/{f}/request-upload`: a token to upload a file of `size` bytes."""
    access, params = named(call, "rw"), call.params
    check_permission(call, access.folder, "upload-file")
    path, size = params.required("path"), params.integer("size", default=0, maximum=_MAX_SIZE)
    tree, storage = tree_of(call, access), call.cluster.storage
    await on_disk(lambda: _check_target(tree, path), path)
    check_disk(call.cluster, size)
    await check_room(call.cluster, access.folder, size, path)
    session = await on_disk(storage.uploads.begin, path)
    claims = {**_claims(access, UPLOAD, path), "size": size, "session": session}
    return reply({"token": storage.signer.sign(claims), "url": url(call, UPLOAD)})


def _check_target(tree: Tree, path: str) -> None:
    """Refuse an invalid file name before the upload starts."""
    if not names_of(path) or path.endswith("/"):
        raise invalid_params("a file needs a name", {"path": "needs a name"})
    if tree.is_folder(path):
        raise invalid_params(f"{path!r} is a folder", {"path": "is a folder"})


async def request_download(call: Call) -> Response:
    """`POST /folders/{f}/request-download`: a token for a file, or for a folder as an archive."""
    access, params = named(call), call.params
    check_permission(call, access.folder, "download-file")
    path = params.text("path", "file") or ""
    tree = tree_of(call, access)
    await on_disk(lambda: tree.status_of(path), path)
    claims = _claims(access, DOWNLOAD, path)
    if params.boolean("archive"):
        claims["archive"] = True
    token = call.cluster.storage.signer.sign(claims)
    return reply({"token": token, "url": url(call, DOWNLOAD)})


async def request_archive(call: Call) -> Response:
    """`POST /folders/{f}/request-download-archive`: a token for several files as a zip archive."""
    access, params = named(call), call.params
    check_permission(call, access.folder, "download-file")
    tree, paths = tree_of(call, access), _paths(params.sequence("files"), "files")
    await on_disk(lambda: each(paths, tree.status_of))
    claims = _claims(access, ARCHIVE, "") | {
        "files": paths,
        "filename": params.text("filename") or f"{access.folder.name}.zip",
    }
    token = call.cluster.storage.signer.sign(claims)
    return reply({"token": token, "url": url(call, ARCHIVE)})


def _claims(access: Access, operation: str, path: str) -> dict[str, Any]:
    folder = access.folder
    return {
        "op": operation,
        "volume": folder.host.partition(":")[2],
        "vfid": f"{folder.quota_scope_id}/{folder.id}",
        "relpath": path,
    }


def url(call: Call, operation: str) -> str:
    """Return the URL of the storage endpoint, at the address that the client has used."""
    return f"{call.request.scope['scheme']}://{client_host(call.request)}/storage/{operation}"


ROUTES: Routes = (
    route("GET", "/folders/{f}/files", list_files),
    route("POST", "/folders/{f}/mkdir", mkdir),
    route("POST", "/folders/{f}/rename-file", rename_file),
    route("POST", "/folders/{f}/rename_file", rename_file),
    route("POST", "/folders/{f}/move-file", move_file),
    route("POST", "/folders/{f}/move_file", move_file),
    route("DELETE POST", "/folders/{f}/delete-files", delete_files),
    route("DELETE POST", "/folders/{f}/delete_files", delete_files),
    route("POST", "/folders/{f}/request-upload", request_upload),
    route("POST", "/folders/{f}/request-download", request_download),
    route("POST", "/folders/{f}/request-download-archive", request_archive),
)
