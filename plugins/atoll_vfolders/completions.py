"""Names for the prompt to complete."""

from collections.abc import Sequence

from atoll import Candidate
from atoll.api import Api
from atoll_vfolders.api import list_folders, list_hosts


async def vfolders(api: Api) -> Sequence[Candidate]:
    """Return the names of folders, with whose they are."""
    return [Candidate(folder.name, folder.described) for folder in await list_folders(api)]


async def hosts(api: Api) -> Sequence[Candidate]:
    """Return the names of hosts of folders."""
    return [Candidate(host.name, host.backend) for host in await list_hosts(api)]
