"""`admin vfolder …`: who shares folders, and who owns them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, NotFound, yes_option
from atoll.output import Column
from atoll_admin.actions import carry_out, dry_run_option
from atoll_admin.requests import send

if TYPE_CHECKING:
    from atoll import Api

_SHARED = "/folders/_/shared"
_COLUMNS = [
    Column("vfolder_id", "Folder ID", keep=True, enough=9),
    Column("vfolder_name", "Folder", keep=True),
    Column("status"),
    Column("owner"),
    Column("type"),
    Column("shared_to", "Shared With", keep=True),
    Column("user_id", "User ID", enough=9),
    Column("perm", "Permission"),
]
_FOLDER = click.argument("vfolder_id")
_USER = click.argument("user_id")


@click.command()
async def list_shared_vfolders(context: Context) -> None:
    """List the folders that are shared, and with whom."""
    api = await context.connect()
    await context.output.rows(await _shares(api), _COLUMNS)


@click.command()
@_FOLDER
async def shared_vfolder_info(context: Context, vfolder_id: str) -> None:
    """Show with whom one folder is shared, named by its id."""
    api = await context.connect()
    rows = await _shares(api, vfolder_id)
    if not rows:
        raise NotFound(
            f"folder {vfolder_id} is shared with nobody",
            hint="atoll admin vfolder list-shared-vfolders",
        )
    await context.output.rows(rows, _COLUMNS)


@click.command(params=[dry_run_option()])
@_FOLDER
@_USER
@click.option(
    "-p",
    "--permission",
    type=click.Choice(["ro", "rw", "wd"]),
    required=True,
    help="Read (ro), write (rw), or delete, too (wd).",
)
async def update_shared_vf_permission(
    context: Context, vfolder_id: str, user_id: str, permission: str, dry_run: bool
) -> int:
    """Change what a user may do in a folder that is shared; both are named by their ids."""
    body = {"vfolder": vfolder_id, "user": user_id, "perm": permission}
    done = f"user {user_id} has {permission} in folder {vfolder_id}"
    return await carry_out(context, "POST", _SHARED, body, done=done, dry_run=dry_run)


@click.command(params=[dry_run_option()])
@yes_option()
@_FOLDER
@_USER
async def remove_shared_vf_permission(
    context: Context, vfolder_id: str, user_id: str, dry_run: bool, yes: bool
) -> int:
    """Stop sharing a folder with a user; both are named by their ids."""
    body = {"vfolder": vfolder_id, "user": user_id, "perm": None}
    return await carry_out(
        context,
        "POST",
        _SHARED,
        body,
        done=f"folder {vfolder_id} is no longer shared with user {user_id}",
        question=f"Stop sharing folder {vfolder_id} with user {user_id}?",
        dry_run=dry_run,
        yes=yes,
    )


@click.command(params=[dry_run_option()])
@yes_option()
@_FOLDER
@click.argument("user_email", type=Name("user"))
async def change_vfolder_ownership(
    context: Context, vfolder_id: str, user_email: str, dry_run: bool, yes: bool
) -> int:
    """Give a folder, with everything in it, to another user; for superadmins."""
    return await carry_out(
        context,
        "POST",
        "/folders/_/change-ownership",
        {"vfolder": vfolder_id, "user_email": user_email},
        done=f"folder {vfolder_id} belongs to {user_email}",
        question=f"Give folder {vfolder_id} to {user_email}?",
        dry_run=dry_run,
        yes=yes,
    )


async def _shares(api: "Api", vfolder_id: str | None = None) -> list[dict[str, Any]]:
    """Return the users that folders, or one folder, are shared with."""
    like = {"shared": [_share]}
    shares: list[dict[str, Any]] = (
        await send(api, "GET", _SHARED, {"vfolder_id": vfolder_id}, like)
    )["shared"]
    return shares


def _share(share: Mapping[str, Any]) -> dict[str, Any]:
    user = share.get("shared_to") or {}
    return {**share, "shared_to": user.get("email"), "user_id": user.get("uuid")}
