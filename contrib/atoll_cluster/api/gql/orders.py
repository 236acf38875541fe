"""The language for orders of lists, like `-created_at,name`, compiled to an ORDER BY."""

from collections.abc import Mapping

from atoll_cluster.api.gql.columns import Column, FilterError

_MOST_PARTS = 50


def compile_order(text: str, columns: Mapping[str, Column], *, default: str) -> str:
    """Compile an order; an empty one means `default`. Raises FilterError for unknown fields."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    if len(names) > _MOST_PARTS:
        raise FilterError(f"an order has at most {_MOST_PARTS} fields")
    parts = [_part(name, columns) for name in names]
    return ", ".join([*parts, default])


def _part(text: str, columns: Mapping[str, Column]) -> str:
    name = text.lstrip("+-")
    column = columns.get(name)
    if column is None or column.is_list:
        raise FilterError(f"Unknown/unsupported field name: {name}")
    return f"{column.sql} {'DESC' if text.startswith('-') else 'ASC'}"
