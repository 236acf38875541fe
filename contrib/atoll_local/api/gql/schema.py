"""The schema: what stands in `sdl/`, with a resolver for each root of `Query` and `Mutation`.

Everything below the roots is plain maps (:data:`~atoll_local.api.gql.context.Fields`), which
GraphQL reads by itself. Documents are parsed and validated once and remembered: clients send the
same few.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from atoll_local.api.gql import (
    domains,
    groups,
    images,
    keypairs,
    legacy,
    machine,
    policies,
    sessions,
    users,
    vfolders,
)
from atoll_local.api.gql.context import Context
from atoll_local.api.gql.mutations import Mutation

_SDL = Path(__file__).with_name("sdl")
_MAX_TOKENS = 5000

RESOLVERS: dict[str, Callable[..., Any]] = {
    "compute_session": sessions.compute_session,
    "compute_session_list": sessions.compute_session_list,
    "compute_container": sessions.compute_container,
    "compute_container_list": sessions.compute_container_list,
    "legacy_compute_session": legacy.legacy_compute_session,
    "legacy_compute_session_list": legacy.legacy_compute_session_list,
    "compute_session_node": legacy.compute_session_node,
    **users.QUERIES,
    **keypairs.QUERIES,
    **domains.QUERIES,
    **groups.QUERIES,
    **policies.QUERIES,
    **vfolders.QUERIES,
    "image": images.image,
    "images": images.images,
    "agent": machine.agent,
    "agents": machine.agents,
    "agent_list": machine.agent_list,
    "agent_summary": machine.agent_summary,
    "agent_summary_list": machine.agent_summary_list,
    "scaling_group": machine.scaling_group,
    "scaling_groups": machine.scaling_groups,
    "scaling_groups_for_domain": machine.scaling_groups,
    "scaling_groups_for_user_group": machine.scaling_groups,
    "scaling_groups_for_keypair": machine.scaling_groups,
    "resource_preset": machine.resource_preset,
    "resource_presets": machine.resource_presets,
}

MUTATIONS: dict[str, Mutation] = {
    **users.MUTATIONS,
    **keypairs.MUTATIONS,
    **domains.MUTATIONS,
    **groups.MUTATIONS,
    **policies.MUTATIONS,
}


@cache
def schema() -> GraphQLSchema:
    """Build the schema, once."""
    built = build_schema("\n".join(path.read_text() for path in sorted(_SDL.glob("*.graphql"))))
    _resolve(built.query_type, RESOLVERS)
    _resolve(built.mutation_type, MUTATIONS)
    return built


def _resolve(roots: GraphQLObjectType | None, resolvers: Mapping[str, Callable[..., Any]]) -> None:
    assert roots is not None  # noqa: S101 - both kinds of roots stand in sdl/
    for name, root in roots.fields.items():
        root.resolve = resolvers[name]


@lru_cache(maxsize=256)
def _prepare(query: str) -> DocumentNode | tuple[GraphQLError, ...]:
    try:
        document = parse(query, max_tokens=_MAX_TOKENS)
    except GraphQLError as error:
        return (error,)
    return tuple(validate(schema(), document)) or document


def run(
    context: Context, query: str, variables: dict[str, Any], operation: str | None
) -> ExecutionResult:
    """Answer a query; whatever is wrong with it is in the result's errors."""
    prepared = _prepare(query)
    if isinstance(prepared, tuple):
        return ExecutionResult(data=None, errors=list(prepared))
    return execute_sync(
        schema(),
        prepared,
        context_value=context,
        variable_values=variables,
        operation_name=operation,
    )
