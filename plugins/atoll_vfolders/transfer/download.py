"""`vfolder download`: downloads files from a folder."""

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
from atoll_vfolders.transfer.downloader import Downloader
from atoll_vfolders.transfer.options import TransferOptions, base_dir, transfer_options
from atoll_vfolders.transfer.progress import Progress, show_progress
from atoll_vfolders.transfer.remote import RemoteFile, RemoteTree, find_remote
from atoll_vfolders.transfer.resume import ResumeStore
from atoll_vfolders.transfer.storage import Storage, storage_of
from atoll_vfolders.transfer.summary import report
from atoll_vfolders.transfer.sync import changed_there
from atoll_vfolders.transfer.workers import Workers

if TYPE_CHECKING:
    from atoll import Api


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("filenames", nargs=-1, type=Name("vfolder-file", within="name"))
@base_dir(exists=False)
@click.option("--max-retries", type=int, hidden=True, help="Accepted, without effect.")
@transfer_options
async def download(
    context: Context,
    name: str,
    filenames: tuple[str, ...],
    base_dir: Path | None,
    max_retries: int | None,  # noqa: ARG001  # what breaks off is gone on with for a while anyway
    **options: Any,
) -> int:
    """Download files and folders, patterns expanded, from the folder NAME; all of it when none is
    named.

    They keep their paths, below the current folder or that of -b; existing files are replaced.
    After a break, the same line goes on where it was cut off.
    """
    api = await context.connect()
    folder = await find_folder(api, name)
    with context.output.progress(f"looking at {folder.name} …"):
        tree = await find_remote(api, folder, filenames)
    return await download_tree(
        context, api, folder, tree, base_dir or Path(), TransferOptions(**options)
    )


async def download_tree(
    context: Context,
    api: "Api",
    folder: Folder,
    tree: RemoteTree,
    dest: Path,
    options: TransferOptions,
) -> int:
    """Download the files that were found to a place below `dest`; returns the exit code."""
    for what in tree.left_out:
        context.output.warn(f"left out: {what}")
    target = _prepared(dest, tree.folders)
    files = changed_there(tree.files, dest) if options.sync else tree.files
    resume_store = ResumeStore.of(context.settings.paths)
    workers = Workers[Any](context.output, options.parallel)
    for failure in tree.failures:
        workers.fail(failure)
    with show_progress(context, "downloading") as progress:
        progress.expect(len(files), sum(file.size for file in files))
        try:
            async with storage_of(context, api, folder, options.overrides) as storage:
                downloader = _downloader(storage, resume_store, progress, target, options)
                await _run(workers, downloader, batches(tree, files, options.chunk))
            for path, says in sorted(tree.links.items()):
                workers.attempt(partial(target.link, path, says))
        finally:
            left = len(tree.files) - len(files)
            report(
                context,
                progress,
                folder.name,
                f"to {dest}",
                unchanged=left,
                failed=workers.failures,
            )
    return workers.exit_code


def _prepared(dest: Path, folders: set[PurePosixPath]) -> SafeFolder:
    try:
        dest.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AtollError(f"{dest}: {error.strerror}") from None
    target = SafeFolder(dest)
    for folder in sorted(folders - {folder.parent for folder in folders}):
        target.make_folder(folder)
    return target


def _downloader(
    storage: Storage,
    resume_store: ResumeStore,
    progress: Progress,
    target: SafeFolder,
    options: TransferOptions,
) -> Downloader:
    return Downloader(storage, resume_store, progress, target, options.chunk, Budget(options.chunk))


async def _run(workers: Workers[Any], downloader: Downloader, jobs: Sequence[Batch]) -> None:
    """Download batches, and then the files that the archives did not contain."""
    archives = Archives(downloader)
    alone: list[RemoteFile] = []

    async def fetch(batch: Batch) -> None:
        alone.extend(await archives.fetch(batch))

    await workers.run(jobs, fetch)
    await workers.run(alone, downloader.download)
