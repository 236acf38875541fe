"""`announcement`: a message of the administrators to all users."""

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, UsageError, yes_option
from atoll.files import write_atomic
from atoll.output import Column
from atoll.reading import maybe
from atoll_admin.actions import carry_out, dry_run_option
from atoll_admin.requests import send
from atoll_admin.text_output import write_text

if TYPE_CHECKING:
    from atoll import Api

ROUTE = "/manager/announcement"
SHAPE = {"enabled": bool, "message": maybe(str)}
_COLUMNS = [Column("enabled"), Column("message"), Column("dismissed")]


@click.command()
async def get(context: Context) -> None:
    """Show the announcement, if there is one."""
    api = await context.connect()
    answer = await send(api, "GET", ROUTE, like=SHAPE)
    if context.output.format:
        record = {**answer, "dismissed": is_dismissed(context, api, answer["message"] or "")}
        context.output.item(record, _COLUMNS)
    elif answer["enabled"]:
        await write_text(context, answer["message"] or "")
    else:
        context.output.note("there is no announcement")


@click.command(params=[dry_run_option()])
@click.option("-m", "--message", help="The text; read from standard input by default.")
async def update(context: Context, message: str | None, dry_run: bool) -> int:
    """Announce something to everybody; for superadmins."""
    text = await _read(context) if message is None else message
    if not text.strip():
        raise UsageError(
            "the announcement is empty", hint="announcement delete removes the announcement"
        )
    body = {"enabled": True, "message": text}
    return await carry_out(
        context, "POST", ROUTE, body, done="the announcement is published", dry_run=dry_run
    )


async def _read(context: Context) -> str:
    context.output.note("type the announcement; Ctrl-D ends it:")
    lines = []
    while (line := await context.stdin.line()) is not None:
        lines.append(line)
    return "\n".join(lines)


@click.command(params=[dry_run_option()])
@yes_option()
async def delete(context: Context, dry_run: bool, yes: bool) -> int:
    """Remove the announcement; for superadmins."""
    return await carry_out(
        context,
        "POST",
        ROUTE,
        {"enabled": False},
        question="Delete the announcement?",
        official_asks=True,
        done="the announcement is deleted",
        dry_run=dry_run,
        yes=yes,
    )


@click.command()
async def dismiss(context: Context) -> None:
    """Don't show the current announcement at the prompt again."""
    api = await context.connect()
    answer = await send(api, "GET", ROUTE, like=SHAPE)
    if not answer["enabled"]:
        context.output.note("there is no announcement")
        return
    mark = _mark(context, api)
    write_atomic(mark, _digest(answer["message"] or ""))
    context.output.done("this announcement is not shown to you again")


def is_dismissed(context: Context, api: "Api", message: Any) -> bool:
    """Whether the user of this machine has dismissed this announcement of this cluster."""
    mark = _mark(context, api)
    return mark.is_file() and mark.read_text(encoding="utf-8") == _digest(str(message))


def _mark(context: Context, api: "Api") -> Path:
    name = _digest(api.profile.endpoint)[:32]
    return context.paths.state / "announcements" / name


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
