"""`admin watcher`: the service beside an agent that starts and stops it."""

from collections.abc import Mapping
from typing import Any

import click

from atoll import AtollError, Context, Name, Problem
from atoll.output import Column
from atoll_admin.actions import dry_run_option, show_request
from atoll_admin.requests import send


@click.command()
@click.argument("agent", type=Name("agent"))
async def status(context: Context, agent: str) -> None:
    """Show what an agent's watcher says; for superadmins."""
    answer = await _ask_watcher(context, "GET", "/resource/watcher", agent)
    fields: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {"status": answer}
    context.output.item(fields, [Column(name) for name in fields])


def _operation(name: str, done: str) -> click.Command:
    @click.command(f"agent-{name}", params=[dry_run_option()])
    @click.argument("agent", type=Name("agent"))
    async def operate(context: Context, agent: str, dry_run: bool) -> None:
        route = f"/resource/watcher/agent/{name}"
        if dry_run:
            show_request(context, "POST", route, {"agent_id": agent})
            return
        answer = await _ask_watcher(context, "POST", route, agent)
        fields = answer.get("message") if isinstance(answer, Mapping) else None
        context.output.done(fields or f"agent {agent} is {done}")

    operate.help = f"Have an agent's watcher {name} it."
    return operate


async def _ask_watcher(context: Context, method: str, route: str, agent: str) -> Any:
    """Send a request that the manager forwards to a watcher; raises AtollError if none answers."""
    api = await context.connect()
    try:
        return await send(api, method, route, {"agent_id": agent})
    except Problem as problem:
        # If the watcher can't be reached, 23.09 and 26.4 report an error of their own.
        if problem.status >= 500:
            hint = "it is a separate service beside the agent"
            raise AtollError(f"the watcher of agent {agent} does not answer", hint=hint) from None
        raise


start = _operation("start", "started")
stop = _operation("stop", "stopped")
restart = _operation("restart", "restarted")
