"""Sends requests that change something, after a confirmation, or only shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from atoll import Context
from atoll.output import Column
from atoll_admin.requests import send

_HIDDEN = "********"
_REQUEST = [Column("method"), Column("path"), Column("body")]


def dry_run_option() -> click.Option:
    """Return the option that shows the request and changes nothing."""
    return click.Option(["--dry-run"], is_flag=True, help="Show the request, change nothing.")


def show_request(context: Context, method: str, path: str, body: Mapping[str, Any]) -> None:
    """Show the request without passwords instead of sending it; as JSON unless another format was
    chosen.
    """
    context.output.item(_shown(method, path, body), _REQUEST, format="json")


async def show_requests(
    context: Context, requests: Sequence[tuple[str, str, Mapping[str, Any]]]
) -> None:
    """Show one or more requests; several as a list."""
    if len(requests) == 1:
        show_request(context, *requests[0])
    else:
        await context.output.rows([_shown(*one) for one in requests], _REQUEST, format="json")


async def carry_out(  # noqa: PLR0913  # each is a part of one request
    context: Context,
    method: str,
    path: str,
    body: Mapping[str, Any],
    *,
    done: str,
    dry_run: bool,
    question: str = "",
    yes: bool = False,
    official_asks: bool = False,
) -> int:
    """Send a request that changes something, and print `done`. If there is a `question`, the user
    must answer it with yes first. With `dry_run`, only show the request. `official_asks` says
    whether the official client asks, too. Returns the exit code.
    """
    if dry_run:
        show_request(context, method, path, body)
        return 0
    if question:
        await context.consent(question, yes=yes, official_asks=official_asks)
    await send(await context.connect(), method, path, body)
    context.output.done(done)
    return 0


def _shown(method: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"method": method, "path": path, "body": _without_passwords(body)}


def _without_passwords(body: Any) -> Any:
    if isinstance(body, Mapping):
        return {
            name: _HIDDEN
            if "password" in name and isinstance(value, str)
            else _without_passwords(value)
            for name, value in body.items()
        }
    return body
