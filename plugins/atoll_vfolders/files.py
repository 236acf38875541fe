"""`vfolder ls`, `mkdir`, `mv`, `rename-file`, `rm` and `request-download`."""

from typing import TYPE_CHECKING

import click

from atoll import (
    AtollError,
    Context,
    Name,
    NotAuthorized,
    NotFound,
    Problem,
    Unreachable,
    UsageError,
    yes_option,
)
from atoll.files import check_given
from atoll.output import Column, counted
from atoll_sessions.api import for_wire
from atoll_vfolders.api import find_folder, request_folder
from atoll_vfolders.entries import Entry, find_entry, list_entries
from atoll_vfolders.fields import FILE_COLUMNS
from atoll_vfolders.model import Folder
from atoll_vfolders.paths import folder_path

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from atoll import Api

_FILE = Name("vfolder-file", within="name")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("path", default=".", type=_FILE)
async def ls(context: Context, name: str, path: str) -> None:
    """List the files at PATH in a folder."""
    place = folder_path(path)
    api = await context.connect()
    folder = await find_folder(api, name)
    try:
        entries = await list_entries(api, folder, place)
    except AtollError as error:
        entries = [await _alone(api, folder, place, error)]
    await context.output.rows(entries, FILE_COLUMNS, paged=True)


async def _alone(api: "Api", folder: Folder, place: "PurePosixPath", error: AtollError) -> Entry:
    """Return a file that could not be listed as a folder; raises NotFound if there is none."""
    if isinstance(error, (NotAuthorized, Unreachable)) or not place.name:
        raise error
    entry = await find_entry(api, folder, place)
    if entry is None:
        raise NotFound(f"{place}: no such file in {folder.name}") from None
    if entry.is_folder:
        raise error
    return entry


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("paths", nargs=-1, required=True, type=_FILE)
@click.option("-p", "--parents", is_flag=True, help="Also create the folders above it.")
@click.option("-e", "--exist-ok", is_flag=True, help="Don't fail if it exists.")
async def mkdir(
    context: Context, name: str, paths: tuple[str, ...], parents: bool, exist_ok: bool
) -> None:
    """Create folders in a folder."""
    places = [folder_path(path) for path in paths]
    api = await context.connect()
    folder = await find_folder(api, name)
    for place in places:
        body = {"path": await for_wire(api, place), "parents": parents, "exist_ok": exist_ok}
        try:
            failures = await request_folder(api, folder, "POST", "mkdir", json=body, like=_failures)
        except NotFound:
            if parents or not place.parent.name:
                raise
            raise NotFound(
                f"{place.parent}: no such folder in {folder.name}", hint="-p makes it, too"
            ) from None
        if failures:
            raise AtollError(failures[0])
    context.output.done("", official=f"Successfully created: {', '.join(map(str, places))}")


def _failures(answer: object) -> list[str]:
    """Return the paths that 26.x has failed to create, although its answer reports success."""
    results = answer.get("results") if isinstance(answer, dict) else None
    return [f"{one['item']}: {one['msg']}" for one in (results or {}).get("failed") or ()]


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("src", type=_FILE)
@click.argument("dst", type=_FILE)
async def mv(context: Context, name: str, src: str, dst: str) -> None:
    """Move a file within a folder."""
    old, new = folder_path(src), folder_path(dst)
    api = await context.connect()
    body = {"src": await for_wire(api, old), "dst": await for_wire(api, new)}
    folder = await find_folder(api, name)
    await request_folder(api, folder, "POST", "move-file", json=body)
    context.output.done("", official="Moved.")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("target_path", type=_FILE)
@click.argument("new_name")
async def rename_file(context: Context, name: str, target_path: str, new_name: str) -> None:
    """Rename a file; it stays in its folder."""
    if "/" in new_name:
        raise UsageError(
            f"{new_name} can't be the name of a file", hint="atoll vfolder mv moves files"
        )
    old, new = folder_path(target_path), folder_path(new_name)
    api = await context.connect()
    body = {"target_path": await for_wire(api, old), "new_name": await for_wire(api, new)}
    folder = await find_folder(api, name)
    await request_folder(api, folder, "POST", "rename-file", json=body)
    context.output.done("", official="Renamed.")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("filenames", nargs=-1, required=True, type=_FILE)
@click.option("-r", "--recursive", is_flag=True, help="Also folders, with everything in them.")
@yes_option("--force")
async def rm(
    context: Context, name: str, filenames: tuple[str, ...], recursive: bool, yes: bool
) -> None:
    """Delete files in a folder permanently."""
    places = [str(folder_path(filename)) for filename in filenames]
    if "." in places:
        raise UsageError("the path is the folder itself", hint="atoll vfolder delete")
    what = places[0] if len(places) == 1 else counted(len(places))
    await context.consent(f"Delete {what} in {name} permanently?", yes=yes)
    api = await context.connect()
    folder = await find_folder(api, name)
    await _delete_files(api, folder, places, recursive=recursive)
    context.output.done(f"deleted {what} in {folder.name}", official="Done.")


async def _delete_files(api: "Api", folder: Folder, places: list[str], *, recursive: bool) -> None:
    """Delete files (`DELETE /folders/{f}/delete-files`, in 26.x by POST as well)."""
    files = [await for_wire(api, place) for place in places]
    body = {"files": files, "recursive": recursive}
    try:
        await request_folder(api, folder, "DELETE", "delete-files", json=body)
    except Problem as problem:
        # Only 23.09.11 ignores the body of this request, and a list does not fit into a query
        # string.
        data = problem.data if isinstance(problem.data, dict) else {}
        if problem.type == "invalid-api-params" and "files" in data:
            raise AtollError("this release of Backend.AI can't delete files over its API") from None
        if not recursive and "is a directory" in problem.message.lower():
            problem.hint = "-r deletes folders, too"
        raise


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("filename", type=_FILE)
async def request_download(context: Context, name: str, filename: str) -> None:
    """Get a link by which anyone can download a file for some hours."""
    check_given([filename])
    api = await context.connect()
    folder = await find_folder(api, name)
    body = {"path": await for_wire(api, folder_path(filename)), "archive": False}
    like = {"url": str, "token": str}
    answer = await request_folder(api, folder, "POST", "request-download", json=body, like=like)
    link = {"url": f"{answer['url']}?token={answer['token']}"}
    context.output.item(link, [Column("url", "URL", keep=True)])
