"""The routes `POST /admin/gql` and the older `POST /admin/graphql`."""

import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem
from atoll_cluster.store.errors import StoreError

if TYPE_CHECKING:
    from graphql import GraphQLError

_log = logging.getLogger(__name__)


_CODES = {
    "generic-forbidden": "backendai_generic_forbidden",
    "object-not-found": "backendai_read_not-found",
    "server-frozen": "backendai_generic_unavailable",
}


async def gql(call: Call) -> Response:
    """Answer `{"data": …}`, and `errors` if there are any."""
    data, errors = await _run(call)
    return reply({"data": data} | ({"errors": errors} if errors else {}))


async def graphql(call: Call) -> Response:
    """Answer only the data; errors give 400, as clients before v6.20210815 expect."""
    data, errors = await _run(call)
    if errors:
        raise Problem(400, "graphql-error", "GraphQL-generated error.", data=errors)
    return reply(data)


async def _run(call: Call) -> tuple[Any, list[dict[str, Any]]]:
    # The library for GraphQL is slow to import, and the program must answer soon after its start.
    from atoll_cluster.api.gql.context import Context
    from atoll_cluster.api.gql.schema import run

    result = await run(
        Context(call.caller, call.cluster, call.request.app.state.background),
        call.params.required("query"),
        call.params.mapping("variables"),
        call.params.text("operation_name", "operationName"),
    )
    for error in result.errors or []:
        if _is_fault(error.original_error):
            _log.error("a resolver failed", exc_info=error.original_error)
    return result.data, [_format_error(error) for error in result.errors or []]


def _format_error(error: "GraphQLError") -> dict[str, Any]:
    """Return an error in the form for clients, with its code."""
    content: dict[str, Any] = dict(error.formatted)
    problem = error.original_error
    if isinstance(problem, Problem):
        detail = f" ({problem.msg})" if problem.msg else ""
        content["message"] = problem.title + detail
        content["extensions"] = {"code": _CODES.get(problem.kind, f"backendai_{problem.kind}")}
    elif isinstance(problem, StoreError):
        content["message"] = str(problem)
    elif _is_fault(problem):
        content["message"] = "Internal server error. (This is an error in the cluster.)"
    return content


def _is_fault(error: Exception | None) -> bool:
    """Return whether an error is unexpected: neither a refusal nor an invalid value."""
    from graphql import GraphQLError

    return error is not None and not isinstance(error, Problem | ValueError | GraphQLError)


ROUTES: Routes = (
    route("POST", "/admin/gql", gql),
    route("POST", "/admin/graphql", graphql),
)
