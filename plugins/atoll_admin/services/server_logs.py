"""`server-logs`: errors in the cluster."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from atoll import Context
from atoll.output import Column
from atoll_admin.fields import yes_or_no
from atoll_admin.requests import send


def _local(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


_COLUMNS = [
    Column("log_id", "ID"),
    Column("created_at", "Time", _local, keep=True),
    Column("severity"),
    Column("source"),
    Column("user"),
    Column("is_read", "Read", yes_or_no),
    Column("message"),
]
_DETAILS = [
    Column("context_lang"),
    Column("context_env"),
    Column("request_url"),
    Column("request_status"),
    Column("traceback"),
]


def _log(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return {column.name: entry.get(column.name) for column in (*_COLUMNS, *_DETAILS)}


@click.command("list")
@click.option("--mark-read", is_flag=True, help="Mark them as read.")
@click.option(
    "-l",
    "--page-size",
    type=click.IntRange(1, 100),
    default=20,
    show_default=True,
    help="How many.",
)
@click.option(
    "-n",
    "--page-number",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="The page, newest first.",
)
async def list_logs(context: Context, mark_read: bool, page_size: int, page_number: int) -> None:
    """List the errors that were logged, newest first.

    Users see their own, administrators those of their domain, superadmins all. The formats for
    programs also give tracebacks.
    """
    api = await context.connect()
    params = {"mark_read": mark_read, "page_size": page_size, "page_no": page_number}
    answer = await send(api, "GET", "/logs/error", params, {"logs": [_log], "count": int})
    wordy = context.output.format in {"json", "jsonl", "yaml"}
    columns = [*_COLUMNS, *(_DETAILS if wordy else ())]
    await context.output.rows(answer["logs"], columns)
    seen = page_size * (page_number - 1) + len(answer["logs"])
    if answer["count"] > seen:
        context.output.note(f"{answer['count'] - seen} more: -n {page_number + 1} shows the next")
