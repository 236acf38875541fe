"""`vfolder cp`: uploads or downloads, depending on which path has a colon."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, UsageError
from atoll_vfolders.api import find_folder
from atoll_vfolders.paths import folder_path
from atoll_vfolders.transfer.download import download_tree
from atoll_vfolders.transfer.local import find_local
from atoll_vfolders.transfer.options import TransferOptions, transfer_options
from atoll_vfolders.transfer.remote import find_remote
from atoll_vfolders.transfer.upload import upload_tree

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.argument("filenames", nargs=-1, required=True, type=click.Path())
@transfer_options
async def cp(context: Context, filenames: tuple[str, ...], **options: Any) -> int:
    """Copy files into a folder, or out of it: SOURCE… TARGET, of which one is NAME:PATH."""
    *sources, target = filenames
    if not sources:
        raise UsageError("cp: no target is given", hint="atoll vfolder cp FILE… NAME:PATH")
    if ":" in target:
        if any(map(_is_remote, sources)):
            raise UsageError("the API can't copy files between folders", hint="atoll vfolder clone")
        return await _up(context, sources, target, TransferOptions(**options))
    return await _down(context, sources, Path(target), TransferOptions(**options))


def _is_remote(source: str) -> bool:
    return ":" in source and not Path(source).exists()


async def _up(
    context: Context, sources: "Sequence[str]", target: str, options: TransferOptions
) -> int:
    name, _, path = target.partition(":")
    tree = find_local(sources, None, folder_path(path))
    api = await context.connect()
    return await upload_tree(context, api, await find_folder(api, name), tree, options)


async def _down(
    context: Context, sources: "Sequence[str]", target: Path, options: TransferOptions
) -> int:
    named = [source.partition(":") for source in sources]
    names = {name for name, colon, _ in named if colon}
    if len(names) != 1 or not all(colon for _, colon, _ in named):
        raise UsageError("cp: either the sources or the target is NAME:PATH, of one folder")
    api = await context.connect()
    folder = await find_folder(api, names.pop())
    tree = await find_remote(api, folder, [path or "." for _, _, path in named])
    return await download_tree(context, api, folder, tree, target, options)
