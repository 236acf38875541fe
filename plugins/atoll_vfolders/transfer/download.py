"""`vfolder download`: files and folders of a folder onto this machine."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from atoll import AtollError, Context, Name
from atoll.files import SafeFolder
from atoll_vfolders.api import find_folder
from atoll_vfolders.model import Folder
from atoll_vfolders.transfer.archives import Archives, Batch, batches
from atoll_vfolders.transfer.budget import Budget
from atoll_vfolders.transfer.downloading import Downloading
from atoll_vfolders.transfer.lanes import Lanes
from atoll_vfolders.transfer.meter import Meter, metered
from atoll_vfolders.transfer.options import How, base_dir, transfer_options
from atoll_vfolders.transfer.remote import RemoteFile, RemoteTree, look
from atoll_vfolders.transfer.resume import Memories
from atoll_vfolders.transfer.storage import Storage, storage_of
from atoll_vfolders.transfer.summary import tell
from atoll_vfolders.transfer.sync import changed_there

if TYPE_CHECKING:
    from atoll import Api


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("filenames", nargs=-1, type=Name("vfolder-file", within="name"))
@base_dir(exists=False)
@click.option("--max-retries", type=int, hidden=True, help="Taken, and not needed.")
@transfer_options
async def download(
    context: Context,
    name: str,
    filenames: tuple[str, ...],
    base_dir: Path | None,
    max_retries: int | None,  # noqa: ARG001  # what breaks off is gone on with for a while anyway
    **how: Any,
) -> int:
    """Download files and folders, patterns expanded, from the folder NAME; all of it when none is
    named.

    They keep their paths, below the current folder or that of -b; existing files are replaced.
    After a break, the same line goes on where it was cut off.
    """
    api = await context.connect()
    folder = await find_folder(api, name)
    with context.output.progress(f"looking at {folder.name} …"):
        tree = await look(api, folder, filenames)
    return await download_tree(context, api, folder, tree, base_dir or Path(), How(**how))


async def download_tree(
    context: Context, api: "Api", folder: Folder, tree: RemoteTree, dest: Path, how: How
) -> int:
    """Download what was found to a place below `dest`; returns the exit code."""
    for what in tree.left_out:
        context.output.warn(f"left out: {what}")
    target = _prepared(dest, tree.folders)
    files = changed_there(tree.files, dest) if how.sync else tree.files
    memories = Memories.of(context.settings.paths)
    lanes = Lanes[Any](context.output, how.parallel)
    for failure in tree.failures:
        lanes.fail(failure)
    with metered(context, "downloading") as meter:
        meter.expect(len(files), sum(file.size for file in files))
        try:
            async with storage_of(context, api, folder, how.replaced) as storage:
                room = _room(storage, memories, meter, target, how)
                await _run(lanes, room, batches(tree, files, how.chunk))
            for path, says in sorted(tree.links.items()):
                lanes.attempt(partial(target.link, path, says))
        finally:
            left = len(tree.files) - len(files)
            tell(context, meter, folder.name, f"to {dest}", unchanged=left, failed=lanes.failures)
    return lanes.exit_code


def _prepared(dest: Path, folders: set[PurePosixPath]) -> SafeFolder:
    try:
        dest.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AtollError(f"{dest}: {error.strerror}") from None
    target = SafeFolder(dest)
    for folder in sorted(folders - {folder.parent for folder in folders}):
        target.make_folder(folder)
    return target


def _room(
    storage: Storage, memories: Memories, meter: Meter, target: SafeFolder, how: How
) -> Downloading:
    return Downloading(storage, memories, meter, target, how.chunk, Budget(how.chunk))


async def _run(lanes: Lanes[Any], room: Downloading, jobs: Sequence[Batch]) -> None:
    """Fetch batches, and then what they did not bring."""
    archives = Archives(room)
    alone: list[RemoteFile] = []

    async def fetch(batch: Batch) -> None:
        alone.extend(await archives.fetch(batch))

    await lanes.run(jobs, fetch)
    await lanes.run(alone, room.download)
