"""Completes names of folders, hosts and files at the prompt."""

from collections.abc import Sequence

from atoll import Api, Candidate
from atoll.output import binary_size
from atoll_vfolders.api import find_folder, list_folders, list_hosts
from atoll_vfolders.entries import list_entries
from atoll_vfolders.paths import folder_path


async def vfolders(api: Api) -> Sequence[Candidate]:
    """Return the names of folders, each with its owner."""
    return [Candidate(folder.name, folder.described) for folder in await list_folders(api)]


async def hosts(api: Api) -> Sequence[Candidate]:
    """Return the names of folder hosts."""
    return [Candidate(host.name, host.backend) for host in await list_hosts(api)]


async def files(api: Api, within: str, folder: str) -> Sequence[Candidate]:
    """Return the files in a folder of a vfolder, with their sizes."""
    found = await list_entries(api, await find_folder(api, within), folder_path(folder or "."))
    above = f"{folder}/" if folder else ""
    return [
        Candidate(f"{above}{one.name}/")
        if one.is_folder
        else Candidate(f"{above}{one.name}", binary_size(one.size))
        for one in found
    ]
