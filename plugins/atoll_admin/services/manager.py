"""`manager`: shows and changes whether the cluster runs and accepts new work."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import trio

from atoll import Context, Name, UsageError, yes_option
from atoll.output import Column
from atoll.reading import maybe
from atoll_admin.actions import carry_out, dry_run_option
from atoll_admin.requests import send

if TYPE_CHECKING:
    from atoll import Api

_POLL = 1.0
_SHAPE = {"status": maybe(str), "active_sessions": maybe(int), "nodes": maybe([dict])}
_STATUS = [
    Column("status"),
    Column("active_sessions", "Active sessions", right=True),
    Column("nodes", "Managers", lambda nodes: "; ".join(map(_describe, nodes or ()))),
]


def _describe(node: Mapping[str, Any]) -> str:
    return f"{node['id']} {node['status']} ({node['version']} at {node['service_addr']})"


@click.command()
async def status(context: Context) -> None:
    """Show whether the cluster runs or is frozen."""
    api = await context.connect()
    context.output.item(await send(api, "GET", "/manager/status", like=_SHAPE), _STATUS)


@click.command(params=[dry_run_option()])
@yes_option()
@click.option("--wait", is_flag=True, help="First wait until no session runs.")
@click.option("--force-kill", is_flag=True, help="First terminate all sessions.")
async def freeze(context: Context, wait: bool, force_kill: bool, dry_run: bool, yes: bool) -> int:
    """Make the cluster refuse new work; for superadmins."""
    if wait and force_kill:
        raise UsageError("--wait and --force-kill exclude each other")
    sessions = ", and terminate all sessions" * force_kill
    if not dry_run:
        await context.consent(f"Freeze the cluster{sessions}?", yes=yes, official_asks=False)
        if wait:
            await _wait_for_sessions(context, await context.connect())
    return await carry_out(
        context,
        "PUT",
        "/manager/status",
        {"status": "frozen", "force_kill": force_kill},
        done="the cluster is frozen (atoll manager unfreeze ends it)",
        dry_run=dry_run,
    )


async def _wait_for_sessions(context: Context, api: "Api") -> None:
    with context.output.progress("waiting for sessions to end") as show:
        while True:
            status = await send(api, "GET", "/manager/status", like=_SHAPE)
            if not status["active_sessions"]:
                return
            show(f"waiting for {status['active_sessions']} sessions to end")
            await trio.sleep(_POLL)


@click.command(params=[dry_run_option()])
async def unfreeze(context: Context, dry_run: bool) -> int:
    """Make the cluster accept new work again; for superadmins."""
    body = {"status": "running", "force_kill": False}
    done = "the cluster accepts new work"
    return await carry_out(context, "PUT", "/manager/status", body, done=done, dry_run=dry_run)


def _scheduling(operation: str, help: str, done: str) -> click.Command:
    @click.command(operation, help=help, params=[dry_run_option()])
    @click.argument("agent_ids", nargs=-1, required=True, type=Name("agent"))
    async def operate(context: Context, agent_ids: Sequence[str], dry_run: bool) -> int:
        route, body = "/manager/scheduler/operation", {"op": operation, "args": [*agent_ids]}
        agents = ", ".join(agent_ids)
        return await carry_out(
            context, "POST", route, body, done=f"{done} {agents}", dry_run=dry_run
        )

    return operate


include_agents = _scheduling(
    "include-agents", "Schedule sessions on agents again.", "sessions are scheduled on"
)
exclude_agents = _scheduling(
    "exclude-agents", "Stop scheduling sessions on agents.", "no new sessions are scheduled on"
)
