"""Entity types: a description of a record type, which generates queries and mutations.

An entity type says which table contains its records, which fields GraphQL shows, and by which
columns lists can be filtered and ordered. From it, :func:`listing` and :func:`paging` create
resolvers of `Query`; :func:`creation`, :func:`modification` and :func:`deletion` create mutations.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic

import attrs
from attrs import frozen

from atoll_cluster.api.gql.columns import Column
from atoll_cluster.api.gql.context import Context, Fields, Info, as_json, together
from atoll_cluster.api.gql.filters import Clause, compile_filter
from atoll_cluster.api.gql.inputs import Props, Refused, named
from atoll_cluster.api.gql.orders import compile_order
from atoll_cluster.store.rows import Record
from atoll_cluster.store.table import Table

Resolvers = Mapping[str, Callable[..., Any]]
"""The root fields of `Query`, and the resolver of each."""

Scope = Callable[[Context, Mapping[str, Any]], list[Clause]]
"""A function that returns the conditions for the records that a caller requests and may see.

It raises Problem if the caller may not request them.
"""


@frozen(kw_only=True)
class EntityType(Generic[Record]):
    """A record type; `label` is its name in messages, `payload` its field in mutation answers."""

    label: str
    payload: str
    table: Callable[[Context], Table[Record]]
    fields: Callable[[Context, Record], Fields]
    columns: Mapping[str, Column] = {}
    order: str

    def get(self, ctx: Context, key: object) -> Record:
        """Return the record with this key; raises Refused if there is none."""
        found = self.table(ctx).get(str(key))
        if found is None:
            raise Refused(f"no matching {self.label}: {key}")
        return found


def listing(entity: EntityType[Record], scope: Scope) -> Callable[..., list[Fields]]:
    """Create the resolver of a `Query` field that lists all records in the scope."""

    def resolve(_: Any, info: Info, **args: Any) -> list[Fields]:
        ctx = info.context
        where = together(scope(ctx, args))
        found = entity.table(ctx).select(where.sql, where.values, entity.order)
        return [entity.fields(ctx, one) for one in found]

    return resolve


def paging(entity: EntityType[Record], scope: Scope) -> Callable[..., Fields]:
    """Create the resolver of a `Query` field with `filter`, `order`, `limit` and `offset`.

    Without a requested order, the order of the type is reversed, so that the newest comes first.
    """

    def resolve(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
        ctx, table = info.context, entity.table(info.context)
        narrowed = compile_filter(args.get("filter") or "", entity.columns)
        where = together([*scope(ctx, args), narrowed])
        order = _ordered(entity, args.get("order") or "")
        page = table.select(where.sql, where.values, order, max(limit, 0), max(offset, 0))
        total = table.count(where.sql, where.values)
        return {"items": [entity.fields(ctx, one) for one in page], "total_count": total}

    return resolve


def _ordered(entity: EntityType[Record], text: str) -> str:
    """Compile an order; equal records are in the order of the type, in the same direction."""
    own = entity.order
    if not text.strip() or text.rpartition(",")[2].strip().startswith("-"):
        own = ", ".join(f"{one.removesuffix(' DESC')} DESC" for one in own.split(", "))
    return compile_order(text, entity.columns, default=own)


def equal(args: Mapping[str, Any], **columns: str) -> list[Clause]:
    """Return conditions: for each given argument, its column must have the same value."""
    given = ((column, args.get(name)) for name, column in columns.items())
    return [Clause(f"{column} = ?", (value,)) for column, value in given if value is not None]


def own_fields(record: attrs.AttrsInstance) -> Fields:
    """Return the fields of a record for GraphQL; maps become JSONStrings."""
    values = {f.name: getattr(record, f.name) for f in attrs.fields(type(record))}
    return {
        name: as_json(value) if isinstance(value, dict) else value for name, value in values.items()
    }


def creation(
    entity: EntityType[Record], build: Callable[[Context, str, Props], Record]
) -> Callable[..., Fields]:
    """Create the function that adds a record; `build` makes it from its name and the input."""

    def act(ctx: Context, name: str, props: Props) -> Fields:
        if entity.table(ctx).get(name):
            raise Refused(f"{entity.label} {name!r} exists already")
        record = build(ctx, named(entity.label, name), props)
        entity.table(ctx).add(record)
        return {entity.payload: entity.fields(ctx, record)}

    return act


def modification(
    entity: EntityType[Record], change: Callable[[Context, Record, Props], Props]
) -> Callable[..., Fields]:
    """Create the function that changes a record; `change` converts the input to columns."""

    def act(ctx: Context, props: Props, **key: Any) -> Fields:
        (value,) = key.values()
        record = entity.get(ctx, value)
        entity.table(ctx).update(str(value), change(ctx, record, props))
        changed = entity.table(ctx).get(str(value))
        return {entity.payload: entity.fields(ctx, changed)} if changed else {}

    return act


def deletion(
    entity: EntityType[Record], check: Callable[[Context, Record], object]
) -> Callable[..., Fields]:
    """Create the function that deletes a record, unless `check` raises Refused."""

    def act(ctx: Context, **key: Any) -> Fields:
        (value,) = key.values()
        check(ctx, entity.get(ctx, value))
        entity.table(ctx).delete(str(value))
        return {}

    return act
