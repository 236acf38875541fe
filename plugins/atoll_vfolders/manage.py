"""Creating, changing and deleting folders."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from atoll import AtollError, Context, Name, NotFound, Problem, UsageError, yes_option
from atoll_sessions.api import follow_task
from atoll_vfolders.api import find_folder, group_id, request_folder
from atoll_vfolders.api import list_hosts as hosts_of
from atoll_vfolders.fields import DETAIL
from atoll_vfolders.model import Folder

if TYPE_CHECKING:
    from atoll import Api

_TRASH = 8
"""The first major version of the API in which deleted folders are first moved to the trash."""
_PERMISSION = click.option(
    "-p",
    "--permission",
    default="rw",
    show_default=True,
    metavar="ro|rw|wd",
    help="Its permission: read (ro), write (rw), delete, too (wd).",
)
_USAGE = click.option(
    "-m",
    "--usage-mode",
    type=click.Choice(["general", "data", "model"]),
    default="general",
    show_default=True,
    help="What it is used for.",
)
_YES = yes_option("--force")


@click.command()
@click.argument("name")
@click.argument("host", required=False, type=Name("vfolder-host"))
@click.option("-g", "--group", help="Create it for a group, by name or id.")
@click.option("--unmanaged", is_flag=True, help="HOST is a path that the cluster has already.")
@click.option("--unmanaged-path", metavar="PATH", help="The same, with a HOST.")
@_USAGE
@_PERMISSION
@click.option("-q", "--quota", default="0", metavar="SIZE", help="Its maximum size: 10g.")
@click.option(
    "--cloneable", "--allow-clone", "cloneable", is_flag=True, help="Allow others to copy it."
)
async def create(context: Context, name: str, host: str | None, **options: Any) -> None:
    """Create a folder, on HOST if there are several."""
    _check_name(name)
    api = await context.connect()
    body = _creation_body(name, host, options, (await api.version()).major)
    if options["group"] is not None:
        body["group"] = await group_id(api, options["group"])
    made: Folder = await api.json("POST", "/folders", json=body, like=Folder.from_entry)
    message = f"folder {made.name} is created on {made.host or host}"
    shown = made if context.output.format else None
    official = f'Virtual folder "{made.name}" is created.'
    context.output.done(message, shown, DETAIL, kind="vfolder", official=official)


def _check_name(name: str) -> None:
    if not name or len(name) > 64 or "/" in name or not name.isprintable():
        raise UsageError(
            f"{name!r} can't be the name of a folder", hint="up to 64 letters, digits, _-."
        )


def _creation_body(
    name: str, host: str | None, options: dict[str, Any], major: int
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": name,
        "host": host,
        "usage_mode": options["usage_mode"],
        "permission": options["permission"],
        "cloneable": options["cloneable"],
    }
    if options["unmanaged"]:
        body |= {"host": None, "unmanaged_path": host}
    elif options["unmanaged_path"]:
        body["unmanaged_path"] = options["unmanaged_path"]
    if major < _TRASH:
        body["quota"] = options["quota"]
    elif options["quota"] != "0":
        raise UsageError("this cluster keeps quotas per user and group, not per folder")
    return body


async def _each(
    context: Context, names: Sequence[str], act: Callable[[str], Awaitable[None]]
) -> int:
    """Do the same with every folder; if it fails for one, a warning says so, and the others are
    still done.
    """
    first_failure = 0
    for name in names:
        try:
            await act(name)
        except AtollError as error:
            if len(names) == 1:
                raise
            context.output.warn(f"{name}: {error}")
            first_failure = first_failure or error.exit_code
    return first_failure


@click.command()
@click.argument("names", nargs=-1, required=True, type=Name("vfolder"))
@_YES
async def delete(context: Context, names: tuple[str, ...], yes: bool) -> int:
    """Delete folders: clusters with a trash move them there, others delete them permanently."""
    api = await context.connect()
    has_trash = (await api.version()).major >= _TRASH

    async def act(name: str) -> None:
        folder = await find_folder(api, name)
        question = f"Delete {name} permanently, with its content?"
        await context.consent(question, yes=yes or has_trash, official_asks=False)
        await _delete(api, folder)
        result = "moved to the trash" if has_trash else "deleted"
        context.output.done(f"folder {folder.name} is {result}", official="Deleted.")

    return await _each(context, names, act)


async def _delete(api: "Api", folder: Folder) -> None:
    if (await api.version()).major >= _TRASH:
        await api.json("DELETE", "/folders", json={"id": folder.id})
    else:
        await request_folder(api, folder, "DELETE")


@click.command()
@click.argument("names", nargs=-1, required=True, type=Name("vfolder"))
async def restore(context: Context, names: tuple[str, ...]) -> int:
    """Restore folders from the trash, by name or id."""
    api = await context.connect()

    async def act(name: str) -> None:
        folder = await find_folder(api, name, trashed=True)
        await _trash(api, "restore-from-trash-bin", folder)
        context.output.done(f"folder {folder.name} is restored", official="Restored.")

    return await _each(context, names, act)


@click.command()
@click.argument("names", nargs=-1, required=True, type=Name("vfolder"))
@_YES
async def purge(context: Context, names: tuple[str, ...], yes: bool) -> int:
    """Delete folders in the trash permanently, by name or id."""
    api = await context.connect()

    async def act(name: str) -> None:
        folder = await find_folder(api, name, trashed=True)
        question = f"Delete {name} permanently, with its content?"
        await context.consent(question, yes=yes, official_asks=False)
        await _trash(api, "delete-from-trash-bin", folder)
        context.output.done(f"folder {folder.name} is deleted permanently", official="Deleted.")

    return await _each(context, names, act)


async def _trash(api: "Api", verb: str, folder: Folder) -> None:
    """Act on a folder in the trash (`POST /folders/{verb}`, since 24.03)."""
    try:
        await api.json("POST", f"/folders/{verb}", json={"id": folder.id})
    except Problem as problem:
        if problem.status not in (404, 405) or problem.type == "object-not-found":
            raise
        raise AtollError("this cluster has no trash: deleted folders can't be restored") from None


@click.command()
@click.argument("old_name", type=Name("vfolder"))
@click.argument("new_name")
async def rename(context: Context, old_name: str, new_name: str) -> None:
    """Rename a folder of yours."""
    _check_name(new_name)
    api = await context.connect()
    folder = await find_folder(api, old_name)
    await request_folder(api, folder, "POST", "rename", json={"new_name": new_name})
    context.output.done(f"folder {folder.name} is now called {new_name}", official="Renamed.")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("target_name")
@click.argument("target_host", required=False, type=Name("vfolder-host"))
@_USAGE
@_PERMISSION
@click.option("--cloneable", is_flag=True, help="Allow others to copy the copy.")
async def clone(
    context: Context, name: str, target_name: str, target_host: str | None, **options: Any
) -> int:
    """Copy a folder with all its files, and wait until that is done."""
    _check_name(target_name)
    api = await context.connect()
    folder = await find_folder(api, name)
    host = target_host or folder.host or await _default_host(api)
    body = {"target_name": target_name, "target_host": host, **options}
    answer = await request_folder(api, folder, "POST", "clone", json=body, like={"bgtask_id": str})
    await follow_task(context, api, answer["bgtask_id"], f"copying {folder.name} …")
    message = f"folder {folder.name} is copied to {target_name}"
    context.output.done(message, official="Cloning the vfolder is complete.")
    return 0


async def _default_host(api: "Api") -> str:
    for host in await hosts_of(api):
        if host.default:
            return host.name
    raise NotFound("this cluster has no default host", hint="atoll vfolder list-hosts lists them")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.option("-p", "--permission", metavar="ro|rw|wd", help="Its permission.")
@click.option("--set-cloneable", type=bool, help="Whether others may copy it.")
async def update_options(
    context: Context, name: str, permission: str | None, set_cloneable: bool | None
) -> None:
    """Change the settings of a folder of yours."""
    changes = {"permission": permission, "cloneable": set_cloneable}
    body = {key: value for key, value in changes.items() if value is not None}
    if not body:
        raise UsageError("nothing to change", hint="give --permission or --set-cloneable")
    api = await context.connect()
    folder = await find_folder(api, name)
    await request_folder(api, folder, "POST", "update-options", json=body)
    context.output.done(f"folder {folder.name} is changed", official="Updated.")
