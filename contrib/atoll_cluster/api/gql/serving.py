"""Model serving, which this cluster does not have: all lists are empty."""

from collections.abc import Callable
from typing import Any

from atoll_cluster.api.gql.context import Fields, Info
from atoll_cluster.api.gql.entities import Resolvers
from atoll_cluster.api.request.problems import not_found


def _no(what: str) -> Callable[..., Fields]:
    def resolve(_: Any, __: Info, **args: Any) -> Fields:
        raise not_found(what, f"no {what} {', '.join(map(str, args.values()))}")

    return resolve


def _none(_: Any, __: Info, **___: Any) -> Fields:
    return {"items": [], "total_count": 0}


QUERIES: Resolvers = {
    "endpoint": _no("endpoint"),
    "endpoint_list": _none,
    "routing": _no("routing"),
    "routing_list": _none,
    "endpoint_token": _no("endpoint token"),
    "endpoint_token_list": _none,
}
