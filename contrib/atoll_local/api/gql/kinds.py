"""A kind of thing that is administered: one description, from which its queries and mutations come.

A kind says where its records are kept, what GraphQL shows of them and by what its lists can be
filtered and ordered. :func:`listing` and :func:`paging` make resolvers of `Query` from it,
:func:`creation`, :func:`modification` and :func:`deletion` make what mutations do.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic

import attrs
from attrs import frozen

from atoll_local.api.gql.columns import Column
from atoll_local.api.gql.context import Context, Fields, Info, as_json, together
from atoll_local.api.gql.filters import Clause, compile_filter
from atoll_local.api.gql.inputs import Props, Refused, named
from atoll_local.api.gql.orders import compile_order
from atoll_local.store.rows import Record
from atoll_local.store.table import Table

Resolvers = Mapping[str, Callable[..., Any]]
"""Roots of `Query` and what resolves each."""

Scope = Callable[[Context, Mapping[str, Any]], list[Clause]]
"""Conditions for what a caller asks for and may see; raises Problem for what it may not ask."""


@frozen(kw_only=True)
class Kind(Generic[Record]):
    """`label` names the kind to people, `payload` its field in answers to mutations."""

    label: str
    payload: str
    table: Callable[[Context], Table[Record]]
    fields: Callable[[Context, Record], Fields]
    columns: Mapping[str, Column] = {}
    order: str

    def get(self, ctx: Context, key: object) -> Record:
        """Return the record with this key; raises Refused when there is none."""
        found = self.table(ctx).get(str(key))
        if found is None:
            raise Refused(f"no matching {self.label}: {key}")
        return found


def listing(kind: Kind[Record], scope: Scope) -> Callable[..., list[Fields]]:
    """Make the resolver of a root that lists everything in the scope."""

    def resolve(_: Any, info: Info, **args: Any) -> list[Fields]:
        ctx = info.context
        where = together(scope(ctx, args))
        found = kind.table(ctx).select(where.sql, where.values, kind.order)
        return [kind.fields(ctx, one) for one in found]

    return resolve


def paging(kind: Kind[Record], scope: Scope) -> Callable[..., Fields]:
    """Make the resolver of a root that has `filter`, `order`, `limit` and `offset`.

    Where no order is asked for, the kind's own is turned round: the newest comes first.
    """

    def resolve(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
        ctx, table = info.context, kind.table(info.context)
        narrowed = compile_filter(args.get("filter") or "", kind.columns)
        where = together([*scope(ctx, args), narrowed])
        order = _ordered(kind, args.get("order") or "")
        page = table.select(where.sql, where.values, order, max(limit, 0), max(offset, 0))
        total = table.count(where.sql, where.values)
        return {"items": [kind.fields(ctx, one) for one in page], "total_count": total}

    return resolve


def _ordered(kind: Kind[Record], text: str) -> str:
    """Compile an order, with the kind's own for what is alike: the same way round, for indexes."""
    own = kind.order
    if not text.strip() or text.rpartition(",")[2].strip().startswith("-"):
        own = ", ".join(f"{one.removesuffix(' DESC')} DESC" for one in own.split(", "))
    return compile_order(text, kind.columns, default=own)


def equal(args: Mapping[str, Any], **columns: str) -> list[Clause]:
    """Return a condition for each argument that is given: its column has that value."""
    given = ((column, args.get(name)) for name, column in columns.items())
    return [Clause(f"{column} = ?", (value,)) for column, value in given if value is not None]


def own_fields(record: attrs.AttrsInstance) -> Fields:
    """Return the fields of a record as GraphQL has them: maps become JSONStrings."""
    values = {f.name: getattr(record, f.name) for f in attrs.fields(type(record))}
    return {
        name: as_json(value) if isinstance(value, dict) else value for name, value in values.items()
    }


def creation(
    kind: Kind[Record], build: Callable[[Context, str, Props], Record]
) -> Callable[..., Fields]:
    """Make the act that adds a record; `build` makes it of its name and the input."""

    def act(ctx: Context, name: str, props: Props) -> Fields:
        if kind.table(ctx).get(name):
            raise Refused(f"{kind.label} {name!r} exists already")
        record = build(ctx, named(kind.label, name), props)
        kind.table(ctx).add(record)
        return {kind.payload: kind.fields(ctx, record)}

    return act


def modification(
    kind: Kind[Record], change: Callable[[Context, Record, Props], Props]
) -> Callable[..., Fields]:
    """Make the act that changes a record; `change` makes columns of the input."""

    def act(ctx: Context, props: Props, **key: Any) -> Fields:
        (value,) = key.values()
        record = kind.get(ctx, value)
        kind.table(ctx).update(str(value), change(ctx, record, props))
        changed = kind.table(ctx).get(str(value))
        return {kind.payload: kind.fields(ctx, changed)} if changed else {}

    return act


def deletion(
    kind: Kind[Record], check: Callable[[Context, Record], object]
) -> Callable[..., Fields]:
    """Make the act that deletes a record unless `check` raises Refused."""

    def act(ctx: Context, **key: Any) -> Fields:
        (value,) = key.values()
        check(ctx, kind.get(ctx, value))
        kind.table(ctx).delete(str(value))
        return {}

    return act
