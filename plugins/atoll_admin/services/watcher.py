"""`admin watcher`: the service beside an agent that starts and stops it."""

from collections.abc import Mapping
from typing import Any

import click

from atoll import Column, Context, Name
from atoll_admin.asking import send
from atoll_admin.consent import dry_run_option, show_request


@click.command()
@click.argument("agent", type=Name("agent"))
async def status(context: Context, agent: str) -> None:
    """Show what an agent's watcher says (`GET /resource/watcher`); for superadmins."""
    api = await context.connect()
    answer = await send(api, "GET", "/resource/watcher", {"agent_id": agent})
    told: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {"status": answer}
    context.output.item(told, [Column(name) for name in told])


def _operation(name: str, done: str) -> click.Command:
    @click.command(f"agent-{name}", params=[dry_run_option()])
    @click.argument("agent", type=Name("agent"))
    async def operate(context: Context, agent: str, dry_run: bool) -> None:
        route, params = f"/resource/watcher/agent/{name}", {"agent_id": agent}
        if dry_run:
            show_request(context, "POST", route, params)
            return
        api = await context.connect()
        answer = await send(api, "POST", route, params)
        told = answer.get("message") if isinstance(answer, Mapping) else None
        context.output.note(told or f"agent {agent} is {done}")

    operate.help = f"Have an agent's watcher {name} it (`POST /resource/watcher/agent/{name}`)."
    return operate


start = _operation("start", "started")
stop = _operation("stop", "stopped")
restart = _operation("restart", "restarted")
