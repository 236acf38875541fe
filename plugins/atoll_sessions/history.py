"""`session status-history` and `session abuse-history`: the history of a session."""

import json
from typing import Any

import click

from atoll import Context, Name
from atoll.output import Column, local_time
from atoll_sessions.queries import find_session

_STATUSES = [Column("status", keep=True), Column("since", show=local_time)]
_REPORT = [Column("name", keep=True), Column("value", show=json.dumps)]
_HISTORY = "query($id: UUID!) { compute_session(id: $id) { status_history } }"


@click.command("status-history")
@click.argument("session", type=Name("session"))
async def status_history(context: Context, session: str) -> None:
    """Show when a session came to be in each status, oldest first; also of one that has ended."""
    api = await context.connect()
    found = await find_session(api, session, ended=True)
    # This uses GraphQL, since managers before 25.15 lack the REST route.
    like = {"compute_session": {"status_history": _mapping}}
    data = await api.gql(_HISTORY, {"id": found.id}, like=like)
    statuses = data["compute_session"]["status_history"]
    rows = [{"status": name, "since": str(at)} for name, at in statuses.items()]
    await context.output.rows(sorted(rows, key=lambda row: row["since"]), _STATUSES)


@click.command("abuse-history")
@click.argument("session", type=Name("session"))
async def abuse_history(context: Context, session: str) -> None:
    """Show what the cluster has found wrong with the way a session is used."""
    from atoll.urls import path

    api = await context.connect()
    found = await find_session(api, session, ended=True)
    route = path("session", found.id, "abusing-report")
    report = await api.json("GET", route, like=_mapping)
    if not report and not context.output.format:
        context.output.note(f"session {found.name} has no abuse reports")
        return
    rows = [{"name": name, "value": value} for name, value in report.items()]
    await context.output.rows(rows, _REPORT)


def _mapping(value: Any) -> dict[str, Any]:
    """Return a map that is given as a map or as JSON text; None becomes an empty map."""
    content = json.loads(value) if isinstance(value, str) else value
    return dict(content or {})
