"""What all commands that change something share: `--yes`, `--dry-run`, and what these do."""

from collections.abc import Mapping
from typing import Any

import click

from atoll import Column, Context

_HIDDEN = "********"
_REQUEST = [Column("method"), Column("path"), Column("body")]


def dry_run_option() -> click.Option:
    """Return the option that shows the request and changes nothing."""
    return click.Option(["--dry-run"], is_flag=True, help="Show the request, change nothing.")


def yes_option() -> click.Option:
    """Return the option that answers the question of a destructive command."""
    return click.Option(["-y", "--yes"], is_flag=True, help="Don't ask; for scripts.")


def show_request(context: Context, method: str, path: str, body: Mapping[str, Any]) -> None:
    """Show what would be sent, as JSON unless another format was chosen, without passwords."""
    request = {"method": method, "path": path, "body": _without_passwords(body)}
    context.output.item(request, _REQUEST, format="json")


async def agreed(context: Context, question: str, *, yes: bool) -> bool:
    """Ask before something that can't be taken back; raises UsageError where nobody can answer."""
    if yes or await context.confirm(question, flag="--yes"):
        return True
    context.output.note("nothing was changed")
    return False


def _without_passwords(body: Any) -> Any:
    if isinstance(body, Mapping):
        return {
            name: _HIDDEN
            if "password" in name and isinstance(value, str)
            else _without_passwords(value)
            for name, value in body.items()
        }
    return body
