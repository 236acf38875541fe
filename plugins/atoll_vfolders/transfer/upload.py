"""`vfolder upload`: files and folders of this machine into a folder."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, UsageError
from atoll_sessions.api import for_wire, takes_any_name
from atoll_vfolders.api import ask, find_folder
from atoll_vfolders.model import Folder
from atoll_vfolders.paths import inside
from atoll_vfolders.transfer.lanes import Lanes
from atoll_vfolders.transfer.local import LocalFile, Tree, collect
from atoll_vfolders.transfer.meter import metered
from atoll_vfolders.transfer.options import How, base_dir, transfer_options
from atoll_vfolders.transfer.packing import Packing, packs, takes_packed
from atoll_vfolders.transfer.resume import Memories
from atoll_vfolders.transfer.storage import storage_of
from atoll_vfolders.transfer.summary import tell
from atoll_vfolders.transfer.sync import changed_here
from atoll_vfolders.transfer.uploading import Uploading

if TYPE_CHECKING:
    from atoll import Api


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("filenames", nargs=-1, type=click.Path())
@base_dir(exists=True)
@click.option("-d", "--dst-dir", default=".", help="Put them below this path in the folder.")
@click.option("-r", "--recursive", is_flag=True, help="Taken for granted: folders go as a whole.")
@transfer_options
async def upload(
    context: Context,
    name: str,
    filenames: tuple[str, ...],
    base_dir: Path | None,
    dst_dir: str,
    recursive: bool,  # noqa: ARG001  # what it asks for is always done
    **how: Any,
) -> int:
    """Upload files and folders, patterns expanded, to the folder NAME; existing files are
    replaced.

    After a break, the same line goes on where it was cut off.
    """
    if not filenames and base_dir is None:
        raise UsageError("no file is named", hint="atoll vfolder upload NAME FILE…")
    tree = collect(filenames or (".",), base_dir, inside(dst_dir))
    api = await context.connect()
    return await upload_tree(context, api, await find_folder(api, name), tree, How(**how))


async def upload_tree(context: Context, api: "Api", folder: Folder, tree: Tree, how: How) -> int:
    """Upload what was found; returns the exit code."""
    if not await takes_any_name(api):
        tree.leave_unnamable()
    for what in tree.left_out:
        context.output.warn(f"left out: {what}")
    files = await changed_here(context, api, folder, tree.files) if how.sync else tree.files
    memories = Memories.of(context.settings.paths)
    with metered(context, "uploading") as meter:
        meter.expect(len(files), sum(file.size for file in files))
        lanes = Lanes[Any](context.output, how.parallel)
        for failure in tree.failures:
            lanes.fail(failure)
        try:
            async with storage_of(context, api, folder, how.replaced) as storage:
                room = await Uploading.to(storage, memories, meter, how.chunk)
                await _send(lanes, room, files)
            make = Lanes[PurePosixPath](context.output, how.parallel)
            await make.run(tree.empty_folders, partial(_make_folder, api, folder))
        finally:
            left = len(tree.files) - len(files)
            where = f"to {folder.name}"
            tell(context, meter, folder.name, where, unchanged=left, failed=lanes.failures)
    return lanes.exit_code or make.exit_code


async def _make_folder(api: "Api", folder: Folder, path: PurePosixPath) -> None:
    body = {"path": await for_wire(api, path), "parents": True, "exist_ok": True}
    await ask(api, folder, "POST", "mkdir", json=body)


async def _send(lanes: Lanes[Any], room: Uploading, files: Sequence[LocalFile]) -> None:
    """Send files, the small ones packed where that is possible, and then what is left."""
    api, folder = room.storage.api, room.storage.folder
    if not await takes_packed(api, folder, files):
        await lanes.run(files, room.upload)
        return
    packing = Packing(api, folder, room.meter, room.budget)
    alone: list[LocalFile] = []

    async def send(pack: Sequence[LocalFile]) -> None:
        if len(pack) == 1:
            await room.upload(pack[0])
        elif not await packing.send(pack):
            alone.extend(pack)

    await lanes.run(packs(files), send)
    await lanes.run(alone, room.upload)
