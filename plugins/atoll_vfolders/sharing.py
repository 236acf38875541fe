"""Shares folders: invites people, answers invitations, shares directly, and leaves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, NotFound
from atoll.output import counted
from atoll.reading import maybe
from atoll_vfolders.api import find_folder, request_folder
from atoll_vfolders.fields import INVITATION_COLUMNS
from atoll_vfolders.model import Folder, Invitation

if TYPE_CHECKING:
    from atoll import Api

_PERMISSION = click.option(
    "-p",
    "--perm",
    default="rw",
    show_default=True,
    metavar="ro|rw|wd",
    help="Their permission: read (ro), write (rw), delete, too (wd).",
)


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("emails", nargs=-1, required=True)
@_PERMISSION
async def invite(context: Context, name: str, emails: tuple[str, ...], perm: str) -> None:
    """Invite people to a folder of yours, by e-mail address."""
    api = await context.connect()
    folder = await find_folder(api, name)
    done = await _ask(api, folder, "invited_ids", "POST", "invite", emails, permission=perm)
    _tell(context, folder, emails, done, "invited to")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("emails", nargs=-1, required=True)
@_PERMISSION
async def share(context: Context, name: str, emails: tuple[str, ...], perm: str) -> None:
    """Give people a permission of their own in a group's folder (administrators)."""
    api = await context.connect()
    folder = await find_folder(api, name)
    done = await _ask(api, folder, "shared_emails", "POST", "share", emails, permission=perm)
    _tell(context, folder, emails, done, "given")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.argument("emails", nargs=-1, required=True)
async def unshare(context: Context, name: str, emails: tuple[str, ...]) -> None:
    """Remove the permission that share has given (administrators)."""
    api = await context.connect()
    folder = await find_folder(api, name)
    done = await _ask(api, folder, "unshared_emails", "DELETE", "unshare", emails)
    _tell(context, folder, emails, done, "excluded from")


async def _ask(
    api: "Api",
    folder: Folder,
    answer_key: str,
    method: str,
    verb: str,
    emails: Sequence[str],
    **more: str,
) -> Sequence[str]:
    """Send a request about people; returns those for whom it succeeded, from the answer's key
    `told`.
    """
    body = {**more, "emails": list(emails)}
    answer = await request_folder(
        api, folder, method, verb, json=body, like={answer_key: maybe([str])}
    )
    return answer[answer_key] or ()


def _tell(
    context: Context, folder: Folder, asked: Sequence[str], done: Sequence[str], what: str
) -> None:
    """Say for how many people the request succeeded; the cluster ignores unknown addresses without
    an error.
    """
    if not done:
        raise NotFound(
            f"nobody was {what} {folder.name}",
            hint=f"unknown to the cluster, or this was done before: {', '.join(asked)}",
        )
    # Some releases answer with addresses, others with the ids of invitations.
    missing = [email for email in asked if email not in done] if len(done) < len(asked) else []
    if missing and any("@" in one for one in done):
        context.output.warn(f"the cluster ignored: {', '.join(missing)}")
    verb = "was" if len(done) == 1 else "were"
    people = counted(len(done), "person") if len(done) == 1 else f"{len(done)} people"
    context.output.done(f"{people} {verb} {what} {folder.name}")


@click.command()
@click.option("--accept", metavar="FOLDER", help="Accept the invitation to this folder.")
@click.option("--reject", metavar="FOLDER", help="Reject the invitation to this folder.")
async def invitations(context: Context, accept: str | None, reject: str | None) -> None:
    """List the invitations that wait for you; --accept and --reject answer one, named by the
    folder or by its own id.
    """
    api = await context.connect()
    found = await _pending(api)
    if accept is None and reject is None:
        await context.output.rows(found, INVITATION_COLUMNS)
        return
    if accept is not None:
        chosen = _choose(found, accept)
        await api.json("POST", "/folders/invitations/accept", json={"inv_id": chosen.id})
        context.output.done(f"folder {chosen.vfolder_name} can be used now")
    if reject is not None:
        chosen = _choose(found, reject)
        await api.json("DELETE", "/folders/invitations/delete", json={"inv_id": chosen.id})
        context.output.done(f"the invitation to {chosen.vfolder_name} is rejected")


async def _pending(api: "Api") -> list[Invitation]:
    like = {"invitations": [Invitation.from_entry]}
    answer = await api.json("GET", "/folders/invitations/list", params={}, like=like)
    found: list[Invitation] = answer["invitations"]
    return found


def _choose(found: Sequence[Invitation], reference: str) -> Invitation:
    fit = [one for one in found if reference in (one.id, one.vfolder_name)]
    if len(fit) == 1:
        return fit[0]
    if fit:
        several = "; ".join(f"{one.id} from {one.inviter}" for one in fit)
        raise NotFound(f"several invitations to {reference}", hint=f"name one by id: {several}")
    raise NotFound(f"no invitation to {reference}", hint="atoll vfolder invitations lists them")


@click.command()
@click.argument("name", type=Name("vfolder"))
@click.option(
    "-s", "--shared-user-uuid", metavar="UUID", help="Remove this user from it (administrators)."
)
async def leave(context: Context, name: str, shared_user_uuid: str | None) -> None:
    """Leave a folder that somebody shares with you."""
    api = await context.connect()
    folder = await find_folder(api, name)
    body: dict[str, Any] = {}
    if shared_user_uuid:
        body["shared_user_uuid"] = shared_user_uuid
    await request_folder(api, folder, "POST", "leave", json=body)
    context.output.done(f"you have left folder {folder.name}")
