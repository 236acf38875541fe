"""`vfolder list` and similar commands: list folders, and the hosts for new ones."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, Values
from atoll.output import Column
from atoll_sessions.api import filter_values
from atoll_vfolders.api import find_folder, get_folder, group_id, list_folders
from atoll_vfolders.api import list_hosts as hosts_of
from atoll_vfolders.fields import COLUMNS, DETAIL, HOST_COLUMNS, PEER_COLUMNS
from atoll_vfolders.model import Folder

if TYPE_CHECKING:
    from atoll import Api

_PAGE = 100
_QUERIED = (
    *("id", "host", "name", "group", "group_name", "user", "user_email", "creator", "status"),
    *("usage_mode", "permission", "ownership_type", "created_at", "cloneable"),
)
"""Fields by which clusters of most releases can filter and sort folders."""
_QUERY = """
query($limit: Int!, $offset: Int!, $group: UUID, $filter: String, $order: String) {
  found: ROOT(limit: $limit, offset: $offset, group_id: $group, filter: $filter, order: $order) {
    items { id name host status usage_mode permission ownership_type user user_email group
            group_name creator cloneable created_at max_files max_size quota_scope_id }
    total_count
  }
}"""


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that make the cluster filter the list."""
    for option in (
        click.option("--limit", type=click.IntRange(1), help="Show at most this many."),
        click.option(
            "--offset", type=click.IntRange(0), default=0, help="Leave out this many at the start."
        ),
        click.option(
            "--order",
            type=Values.several(_QUERIED, signs="+-"),
            help="Sort by a field: +name, -created_at.",
        ),
        click.option(
            "--filter",
            type=filter_values(_QUERIED),
            help='Only those that fit: name ilike "data%".',
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.option("-a", "--list-all", is_flag=True, help="Folders of all users (administrators).")
@click.option("-g", "--group", help="Folders of a group (administrators).")
@_filters
async def list_all(context: Context, list_all: bool, group: str | None, **chosen: Any) -> None:
    """List the folders that you can access."""
    api = await context.connect()
    if list_all or group or any(chosen.values()):
        chosen["group"] = await group_id(api, group) if group else None
        await _list(context, _query(api, "vfolder_list", **chosen))
    else:
        await _list(context, await list_folders(api))


@click.command()
@_filters
async def list_own(context: Context, **chosen: Any) -> None:
    """List your own folders."""
    await _list_some(context, "vfolder_own_list", _is_own, chosen)


@click.command()
@_filters
async def list_invited(context: Context, **chosen: Any) -> None:
    """List folders of others that you were invited to."""
    await _list_some(context, "vfolder_invited_list", _is_anothers, chosen)


@click.command()
@_filters
async def list_project(context: Context, **chosen: Any) -> None:
    """List the folders of your groups."""
    await _list_some(context, "vfolder_project_list", _is_groups, chosen)


def _is_own(folder: Folder) -> bool:
    return folder.is_owner and folder.ownership_type == "user"


def _is_anothers(folder: Folder) -> bool:
    return not folder.is_owner and folder.ownership_type == "user"


def _is_groups(folder: Folder) -> bool:
    return folder.ownership_type == "group"


async def _list_some(
    context: Context, root: str, fits: Callable[[Folder], bool], chosen: dict[str, Any]
) -> None:
    api = await context.connect()
    if any(chosen.values()):
        await _list(context, _query(api, root, **chosen))
    else:
        folders = filter(fits, await list_folders(api))
        await _list(context, folders)


async def _list(context: Context, folders: Iterable[Folder] | AsyncIterable[Folder]) -> None:
    columns = PEER_COLUMNS if context.output.in_envelope else COLUMNS
    await context.output.rows(folders, columns, paged=True)


async def _query(
    api: "Api", root: str, *, limit: int | None, offset: int, **variables: Any
) -> AsyncIterator[Folder]:
    """Read a list page by page (GraphQL, every release)."""
    query = _QUERY.replace("ROOT", root)
    if root != "vfolder_list":
        query = query.replace("$group: UUID, ", "").replace("group_id: $group, ", "")
    like = {"found": {"items": [Folder.from_entry], "total_count": int}}
    count = 0
    while limit is None or count < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - count)
        span = {"limit": size, "offset": offset + count}
        page = (await api.gql(query, {**variables, **span}, like=like))["found"]
        for folder in page["items"]:
            yield folder
        count += len(page["items"])
        if not page["items"] or offset + count >= page["total_count"]:
            return


@click.command()
async def list_hosts(context: Context) -> None:
    """List the hosts on which you may create folders."""
    await context.output.rows(await hosts_of(await context.connect()), HOST_COLUMNS)


@click.command()
async def list_allowed_types(context: Context) -> None:
    """List who may own folders on this cluster: user, group."""
    api = await context.connect()
    types = await api.json("GET", "/folders/_/allowed-types", params={}, like=[str])
    await context.output.rows([{"type": one} for one in types], [Column("type")])


@click.command()
@click.argument("name", type=Name("vfolder"))
async def info(context: Context, name: str) -> None:
    """Show everything about a folder, by name or id."""
    api = await context.connect()
    context.output.item(await get_folder(api, await find_folder(api, name)), DETAIL)
