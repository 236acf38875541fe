"""Agents in GraphQL: this machine, or each machine that the engine reports."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from atoll_cluster.api.gql.agent_fields import of_machine, of_node
from atoll_cluster.api.gql.columns import AGENTS
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import Resolvers
from atoll_cluster.api.gql.filters import compile_filter
from atoll_cluster.api.gql.inputs import Props, Refused, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.gql.orders import compile_order
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.store.administration import Agent


def refreshing(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a resolver, so that it first asks the engine for its machines, if it reports them."""

    @wraps(resolve)
    def resolve_fresh(_: Any, info: Info, **args: Any) -> Any:
        if info.context.cluster.machine.has_nodes:
            return _refresh_and_resolve(info, resolve, args)
        return resolve(_, info, **args)

    return resolve_fresh


async def _refresh_and_resolve(
    info: Info, resolve: Callable[..., Any], args: dict[str, Any]
) -> Any:
    await info.context.cluster.nodes.refresh()
    return resolve(None, info, **args)


def agent(_: Any, info: Info, agent_id: str) -> Fields | None:
    """Resolve `agent`, for superadmins."""
    info.context.require_superadmin()
    return agent_summary(_, info, agent_id)


def agents(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `agents`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    return _matching_agents(ctx, args)


def agent_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `agent_list`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    return _page(_matching_agents(ctx, args), limit, offset)


def agent_summary(_: Any, info: Info, agent_id: str) -> Fields | None:
    """Resolve `agent_summary`, for all users."""
    ctx = info.context
    if not ctx.cluster.machine.has_nodes:
        return of_machine(ctx) if agent_id == AGENT else None
    node = ctx.cluster.nodes.find(agent_id)
    return of_node(ctx, node) if node else None


def agent_summary_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `agent_summary_list`, for all users."""
    return _page(_matching_agents(info.context, args), limit, offset)


def _page(found: list[Fields], limit: int, offset: int) -> Fields:
    return {"items": found[max(offset, 0) :][: max(limit, 0)], "total_count": len(found)}


def _of_group(ctx: Context, group: str | None) -> list[Fields]:
    """Return the agents of a scaling group, or all agents."""
    nodes = ctx.cluster.nodes
    if not ctx.cluster.machine.has_nodes:
        fields = of_machine(ctx)
        return [fields] if group in {None, fields["scaling_group"]} else []
    if not nodes.known and nodes.why_unknown:
        raise Refused(f"the agents are unknown: {nodes.why_unknown}")
    return [of_node(ctx, one) for one in nodes.of_group(group)]


def _matching_agents(ctx: Context, args: dict[str, Any]) -> list[Fields]:
    """Return the agents that match the arguments, in the requested order."""
    found = {one["id"]: one for one in _of_group(ctx, args.get("scaling_group"))}
    order = compile_order(args.get("order") or "", AGENTS, default="id")
    clause = compile_filter(args.get("filter") or "", AGENTS)
    if status := args.get("status"):
        found = {name: one for name, one in found.items() if one["status"] == status}
    document = json.dumps([{name: one[name] for name in AGENTS} for one in found.values()])
    columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in AGENTS)
    rows = f"SELECT {columns} FROM json_each(?)"  # noqa: S608 - the names are our own
    query = f"SELECT id FROM ({rows}) AS agents WHERE {clause.sql} ORDER BY {order}"  # noqa: S608
    chosen = ctx.store.db.rows(query, (document, *clause.values))
    return [found[one["id"]] for one in chosen]


def _modify(ctx: Context, id: str, props: Props) -> Fields:
    if ctx.cluster.nodes.find(id):
        raise Refused(f"{id} is a machine of the engine, which alone decides what it takes")
    if ctx.store.tables.agents.get(id) is None:
        raise Refused(f"no matching agent: {id}")
    changes = read_props(Agent, props)
    group = changes.get("scaling_group")
    if group is not None and ctx.store.tables.scaling_groups.get(group) is None:
        raise Refused(f"no matching scaling group: {group}")
    ctx.store.tables.agents.update(id, changes)
    return {}


QUERIES: Resolvers = {
    resolve.__name__: refreshing(resolve)
    for resolve in (agent, agents, agent_list, agent_summary, agent_summary_list)
}
MUTATIONS = {"modify_agent": Mutation(_modify)}
