"""The API of folders; other plugins may use this module."""

import os
from collections.abc import Mapping, Sequence
from errno import ENOENT, errorcode
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

from atoll import AtollError, NotFound, Problem
from atoll.reading import maybe
from atoll_vfolders.model import Folder, Host
from atoll_vfolders.storage_servers import StorageServers, origin_of
from atoll_vfolders.text_input import read_text_input

if TYPE_CHECKING:
    from atoll import Api

__all__ = [
    "StorageServers",
    "find_folder",
    "get_folder",
    "group_id",
    "list_folders",
    "list_hosts",
    "origin_of",
    "read_text_input",
    "request_folder",
]

_BY_ID = 8
"""The major version of the API from which folders are addressed by id."""


async def list_folders(api: "Api") -> list[Folder]:
    """Return the folders that the user can access: own, shared, and of groups (`GET /folders`)."""
    found = await api.json("GET", "/folders", params={}, like=[Folder.from_entry])
    return sorted(found, key=lambda folder: folder.name)


async def list_hosts(api: "Api", group: str | None = None) -> list[Host]:
    """Return the hosts on which the user, or a group, may create folders (`GET
    /folders/_/hosts`).
    """
    found: list[Host] = await api.json(
        "GET", "/folders/_/hosts", params={"group_id": group}, like=_hosts
    )
    return found


def _hosts(answer: Mapping[str, Any]) -> list[Host]:
    return [Host.from_answer(name, answer) for name in sorted(answer["allowed"])]


async def find_folder(api: "Api", reference: str, *, trashed: bool = False) -> Folder:
    """Find a folder by its name or id; with `trashed`, one in the trash.

    Raises NotFound when there is none, and, listing them, when there are several.
    """
    folders = await list_folders(api)
    found = [folder for folder in folders if _is_called(folder, reference)]
    fit = [folder for folder in found if folder.usable != trashed]
    if len(fit) > 1:
        several = "; ".join(f"{folder.id} ({folder.described})" for folder in fit)
        raise NotFound(f"{reference!r} matches several folders", hint=f"name one by id: {several}")
    if not fit:
        raise _not_found(reference, elsewhere=bool(found), trashed=trashed)
    # Older managers accept only the name, which is enough if only one folder has it.
    is_shared = sum(folder.name == fit[0].name for folder in folders) > 1
    by_id = is_shared or (await api.version()).major >= _BY_ID
    return evolve(fit[0], address=fit[0].id if by_id else fit[0].name)


def _is_called(folder: Folder, reference: str) -> bool:
    return reference == folder.name or reference.replace("-", "").lower() == folder.id


def _not_found(reference: str, *, elsewhere: bool, trashed: bool) -> NotFound:
    if not elsewhere:
        return NotFound(
            f"no folder has the name or id {reference!r}", hint="atoll vfolder list lists them"
        )
    if trashed:
        return NotFound(f"folder {reference} is not in the trash")
    hint = f"atoll vfolder restore {reference} takes it out"
    return NotFound(f"folder {reference} is in the trash", hint=hint)


async def request_folder(
    api: "Api",
    folder: Folder,
    method: str,
    *what: str,
    params: Mapping[str, Any] | None = None,
    **content: Any,
) -> Any:
    """Send a request to a route of a folder (`/folders/{f}/…`) and return the answer.

    Raises NotFound with the reason if the cluster can't tell folders of one name apart.
    """
    from atoll.urls import path

    try:
        return await api.json(
            method, path("folders", folder.address, *what), params=params, **content
        )
    except Problem as problem:
        raise _explained(folder, problem) from None


def _explained(folder: Folder, problem: Problem) -> AtollError:
    """Return a clear error for numeric codes of clusters, and for a name that two folders have."""
    data = problem.data if isinstance(problem.data, dict) else {}
    if problem.type == "too-many-vfolders":
        hint = "rename the one that is yours, or leave the other"
        return NotFound(f"this cluster can't tell folders called {folder.name!r} apart", hint=hint)
    paths = data.get("paths") or [folder.name]
    if data.get("errno") in errorcode and problem.status < 500 and isinstance(paths, list):
        where = ", ".join(map(str, paths))
        message = f"{where}: {os.strerror(data['errno']).lower()}"
        return NotFound(message) if data["errno"] == ENOENT else AtollError(message)
    return problem


async def get_folder(api: "Api", folder: Folder) -> Folder:
    """Return everything about a folder (`GET /folders/{f}`)."""
    message = (await request_folder(api, folder, "GET", like=dict)).items()
    known = {key: value for key, value in message if value not in (None, "None")}
    found: Folder = api.read({**asdict(folder), **known}, Folder.from_entry)
    return found


async def group_id(api: "Api", group: str) -> str:
    """Return the id of a group of the profile's domain by its name, or the id itself.

    Raises NotFound.
    """
    data = await api.gql(
        "query($domain: String, $name: String!) {"
        " groups_by_name(domain_name: $domain, name: $name) { id } }",
        {"domain": api.profile.domain, "name": group},
        like={"groups_by_name": maybe([{"id": str}])},
    )
    found: Sequence[Mapping[str, Any]] = data["groups_by_name"] or ()
    if not found:
        raise NotFound(f"no group has the name {group!r} in domain {api.profile.domain}")
    return str(found[0]["id"])
