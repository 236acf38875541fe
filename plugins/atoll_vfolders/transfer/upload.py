"""`vfolder upload`: uploads files and folders into a folder."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, UsageError
from atoll_sessions.api import for_wire, takes_any_name
from atoll_vfolders.api import find_folder, request_folder
from atoll_vfolders.model import Folder
from atoll_vfolders.paths import folder_path
from atoll_vfolders.transfer.local import LocalFile, LocalTree, find_local
from atoll_vfolders.transfer.options import TransferOptions, base_dir, transfer_options
from atoll_vfolders.transfer.packer import Packer, packs, takes_packed
from atoll_vfolders.transfer.progress import show_progress
from atoll_vfolders.transfer.resume import ResumeStore
from atoll_vfolders.transfer.storage import storage_of
from atoll_vfolders.transfer.summary import report
from atoll_vfolders.transfer.sync import changed_here
from atoll_vfolders.transfer.uploader import Uploader
from atoll_vfolders.transfer.workers import Workers

if TYPE_CHECKING:
    from atoll import Api


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("filenames", nargs=-1, type=click.Path())
@base_dir(exists=True)
@click.option("-d", "--dst-dir", default=".", help="Put them below this path in the folder.")
@click.option(
    "-r",
    "--recursive",
    is_flag=True,
    help="Accepted, without effect: folders are always uploaded with everything in them.",
)
@transfer_options
async def upload(
    context: Context,
    name: str,
    filenames: tuple[str, ...],
    base_dir: Path | None,
    dst_dir: str,
    recursive: bool,  # noqa: ARG001  # what it asks for is always done
    **options: Any,
) -> int:
    """Upload files and folders, patterns expanded, to the folder NAME; existing files are
    replaced.

    After a break, the same line goes on where it was cut off.
    """
    if not filenames and base_dir is None:
        raise UsageError("no file is named", hint="atoll vfolder upload NAME FILE…")
    tree = find_local(filenames or (".",), base_dir, folder_path(dst_dir))
    api = await context.connect()
    return await upload_tree(
        context, api, await find_folder(api, name), tree, TransferOptions(**options)
    )


async def upload_tree(
    context: Context, api: "Api", folder: Folder, tree: LocalTree, options: TransferOptions
) -> int:
    """Upload the files that were found; returns the exit code."""
    if not await takes_any_name(api):
        tree.leave_out_unnamable()
    for what in tree.left_out:
        context.output.warn(f"left out: {what}")
    files = await changed_here(context, api, folder, tree.files) if options.sync else tree.files
    resume_store = ResumeStore.of(context.settings.paths)
    with show_progress(context, "uploading") as progress:
        progress.expect(len(files), sum(file.size for file in files))
        workers = Workers[Any](context.output, options.parallel)
        for failure in tree.failures:
            workers.fail(failure)
        try:
            async with storage_of(context, api, folder, options.overrides) as storage:
                uploader = await Uploader.to(storage, resume_store, progress, options.chunk)
                await _send(workers, uploader, files)
            make = Workers[PurePosixPath](context.output, options.parallel)
            await make.run(tree.empty_folders, partial(_make_folder, api, folder))
        finally:
            left = len(tree.files) - len(files)
            where = f"to {folder.name}"
            report(context, progress, folder.name, where, unchanged=left, failed=workers.failures)
    return workers.exit_code or make.exit_code


async def _make_folder(api: "Api", folder: Folder, path: PurePosixPath) -> None:
    body = {"path": await for_wire(api, path), "parents": True, "exist_ok": True}
    await request_folder(api, folder, "POST", "mkdir", json=body)


async def _send(workers: Workers[Any], uploader: Uploader, files: Sequence[LocalFile]) -> None:
    """Send files: first small ones in packs if possible, then the rest."""
    api, folder = uploader.storage.api, uploader.storage.folder
    if not await takes_packed(api, folder, files):
        await workers.run(files, uploader.upload)
        return
    packer = Packer(api, folder, uploader.progress, uploader.budget)
    alone: list[LocalFile] = []

    async def send(pack: Sequence[LocalFile]) -> None:
        if len(pack) == 1:
            await uploader.upload(pack[0])
        elif not await packer.send(pack):
            alone.extend(pack)

    await workers.run(packs(files), send)
    await workers.run(alone, uploader.upload)
