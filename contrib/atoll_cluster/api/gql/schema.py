"""The schema in `sdl/`, with a resolver for each root field of `Query` and `Mutation`.

The resolvers return plain maps (:data:`~atoll_cluster.api.gql.context.Fields`), whose values the
library reads itself. Parsed and validated documents are cached, because clients send the same few.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache, lru_cache
from inspect import isawaitable
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    build_schema,
    execute,
    get_operation_ast,
    specified_rules,
    validate,
)
from graphql.validation import VariablesInAllowedPositionRule

from atoll_cluster.api.gql import (
    agents,
    domains,
    groups,
    images,
    keypairs,
    legacy,
    policies,
    presets,
    quotas,
    scaling_groups,
    serving,
    sessions,
    users,
    vfolders,
    volumes,
)
from atoll_cluster.api.gql.bounds import read_document
from atoll_cluster.api.gql.context import Context
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.gql.scalars import read_scalars
from atoll_cluster.api.request.unsupported import unsupported_root
from atoll_cluster.store.errors import StoreError

_SDL = Path(__file__).with_name("sdl")
_RULES = [rule for rule in specified_rules if rule is not VariablesInAllowedPositionRule]
"""The rules without one, because clients of 23.09 declare ids as texts; values are checked."""

_NO_ROOT = re.compile(r"Cannot query field '(\w+)' on type '(?:Query|Mutation)'")

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
    **quotas.QUERIES,
    **vfolders.QUERIES,
    **scaling_groups.QUERIES,
    **presets.QUERIES,
    **agents.QUERIES,
    **images.QUERIES,
    **volumes.QUERIES,
    **serving.QUERIES,
}

MUTATIONS: dict[str, Mutation] = {
    **users.MUTATIONS,
    **keypairs.MUTATIONS,
    **domains.MUTATIONS,
    **groups.MUTATIONS,
    **policies.MUTATIONS,
    **quotas.MUTATIONS,
    **scaling_groups.MUTATIONS,
    **presets.MUTATIONS,
    **agents.MUTATIONS,
    **images.MUTATIONS,
}


@cache
def schema() -> GraphQLSchema:
    """Return the schema, which is built at the first call."""
    built = build_schema("\n".join(path.read_text() for path in sorted(_SDL.glob("*.graphql"))))
    read_scalars(built)
    _resolve(built.query_type, RESOLVERS)
    _resolve(built.mutation_type, MUTATIONS)
    return built


def _resolve(roots: GraphQLObjectType | None, resolvers: Mapping[str, Callable[..., Any]]) -> None:
    assert roots is not None  # noqa: S101 - sdl/ defines both types
    for name, root in roots.fields.items():
        root.resolve = resolvers[name]


@lru_cache(maxsize=256)
def _prepare(query: str) -> DocumentNode | tuple[GraphQLError, ...]:
    try:
        document = read_document(query)
    except GraphQLError as error:
        return (error,)
    return tuple(map(_explained, validate(schema(), document, _RULES))) or document


def _explained(error: GraphQLError) -> GraphQLError:
    """Return an error; if other clusters have the field, the new text says so."""
    found = _NO_ROOT.match(error.message)
    if found and (unsupported := unsupported_root(found[1])):
        return GraphQLError(unsupported, nodes=error.nodes)
    return error


async def run(
    context: Context, query: str, variables: dict[str, Any], operation: str | None
) -> ExecutionResult:
    """Execute a query; errors are in the result.

    Raises StoreError if the store cannot execute it. Then none of its mutations has changed
    anything.
    """
    prepared = _prepare(query)
    if isinstance(prepared, tuple):
        return ExecutionResult(data=None, errors=list(prepared))
    found = get_operation_ast(prepared, operation)
    writes = found is not None and found.operation is OperationType.MUTATION
    with context.store.db.transaction() if writes else nullcontext():
        result = execute(
            schema(),
            prepared,
            context_value=context,
            variable_values=variables,
            operation_name=operation,
        )
        if not isawaitable(result):
            return _done(result)
    # The remaining fields need the disk, and are read without blocking other requests. Changes are
    # already committed, so an error of the store is only added to the result.
    return await result if writes else _done(await result)


def _done(result: ExecutionResult) -> ExecutionResult:
    """Return a result; if it contains a StoreError, raises it."""
    for error in result.errors or ():
        if isinstance(error.original_error, StoreError):
            raise error.original_error
    return result
