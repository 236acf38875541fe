"""Queries entities, one by its key or all of them page by page, with the fields that the cluster's
release has.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from atoll import NotFound
from atoll.reading import Shape, maybe
from atoll_admin.entity import Entity, ListQuery
from atoll_admin.fields import Field
from atoll_admin.requests import UnknownFields, run_query
from atoll_sessions.api import PAGE

if TYPE_CHECKING:
    from atoll import Api

Record = Mapping[str, Any]
_PAGE = {"items": [dict], "total_count": int}


@frozen(kw_only=True)
class ListOptions:
    """Which part of a long list to get, and in which order; `limit` None means all that follow."""

    offset: int = 0
    limit: int | None = None
    filter: str | None = None
    order: str | None = None


@frozen
class Rows:
    """A list that is being read: the fields that the cluster has, the records, and the total number
    if the cluster returns it.
    """

    fields: Sequence[Field]
    records: AsyncIterator[Record]
    total: int | None = None


async def fetch_one(
    api: "Api", entity: Entity, key: Any, fields: Sequence[Field], *, strict: bool = False
) -> tuple[Sequence[Field], Record]:
    """Return one entity by its key, and the fields that it has; for the key None, the caller's own.

    Raises NotFound. With `strict`, a field that the cluster does not know is an error; otherwise
    it is left out.
    """
    assert entity.single is not None  # noqa: S101  # those that are only listed have no such command
    single = entity.single
    arguments = {single.argument: (single.type, key)} if key is not None else {}
    query = _Query(single.root, arguments, "{}")
    fields = await _supported(api, fields, strict=strict)
    try:
        answer, fields = await _query_supported(api, query, fields, dict, strict=strict)
    except NotFound:
        answer = None
    if not answer:
        raise not_found(entity, key)
    return fields, _record(answer, fields)


def not_found(entity: Entity, key: Any) -> NotFound:
    """Return the error for an entity that does not exist."""
    what = f"there is no {entity.name} {key!r}" if key is not None else f"no {entity.name}"
    return NotFound(what, hint=f"atoll admin {entity.list_word} lists them")


async def fetch_list(
    api: "Api",
    listing: ListQuery,
    values: Mapping[str, Any],
    fields: Sequence[Field],
    wanted: ListOptions | None = None,
    *,
    strict: bool = False,
) -> Rows:
    """Start to read a list; the first page has arrived when this returns.

    `values` are the root's arguments; those with the value None are not sent. Raises what
    `run_query` does.
    """
    wanted = wanted or ListOptions()
    given = {name: value for name, value in values.items() if value is not None}
    arguments = {name: (listing.arguments[name], value) for name, value in given.items()}
    fields = await _supported(api, fields, strict=strict)
    if not listing.paged:
        query = _Query(listing.root, arguments, "{}")
        answer, fields = await _query_supported(api, query, fields, [maybe(dict)], strict=strict)
        return Rows(fields, _all(answer or (), fields))
    query = _Query(listing.root, arguments, "items {{ {} }} total_count")
    page, fields = await _query_supported(
        api, query.at(wanted, wanted.offset), fields, _PAGE, strict=strict
    )
    total = page["total_count"] if page else None
    return Rows(fields, _pages(api, query, fields, wanted, page), total)


@frozen
class _Query:
    """A root, its arguments, and the text around the fields."""

    root: str
    arguments: Mapping[str, tuple[str, Any]]
    around: str

    def at(self, wanted: ListOptions, offset: int) -> "_Query":
        left = PAGE if wanted.limit is None else wanted.limit - (offset - wanted.offset)
        paging = {
            "limit": ("Int!", max(1, min(PAGE, left))),
            "offset": ("Int!", offset),
            "filter": ("String", wanted.filter),
            "order": ("String", wanted.order),
        }
        given = {name: typed for name, typed in paging.items() if typed[1] is not None}
        return _Query(self.root, {**self.arguments, **given}, self.around)


async def _supported(api: "Api", fields: Sequence[Field], *, strict: bool) -> Sequence[Field]:
    major = (await api.version()).major
    known = [field for field in fields if field.since <= major]
    if strict and len(known) < len(fields):
        missing = [field.name for field in fields if field not in known]
        raise UnknownFields(missing, await api.manager())
    return known


async def _query_supported(
    api: "Api", query: _Query, fields: Sequence[Field], like: Shape, *, strict: bool
) -> tuple[Any, Sequence[Field]]:
    """Query fields; if the cluster turns out not to have some, query again without them."""
    while True:
        selection = " ".join(dict.fromkeys(field.selection for field in fields))
        try:
            text = query.around.format(selection)
            answer = await run_query(api, query.root, query.arguments, text, like)
        except UnknownFields as unknown:
            known = [field for field in fields if field.asked not in unknown.names]
            if strict or not known or len(known) == len(fields):
                raise
            fields = known
        else:
            return answer, fields


async def _all(answer: Sequence[Record | None], fields: Sequence[Field]) -> AsyncIterator[Record]:
    for node in answer:
        if node is not None:
            yield _record(node, fields)


async def _pages(
    api: "Api",
    query: _Query,
    fields: Sequence[Field],
    wanted: ListOptions,
    page: Record | None,
) -> AsyncIterator[Record]:
    offset = wanted.offset
    while page and page["items"]:
        for node in page["items"]:
            yield _record(node, fields)
        offset += len(page["items"])
        enough = wanted.limit is not None and offset - wanted.offset >= wanted.limit
        if enough or offset >= page["total_count"]:
            return
        page, _ = await _query_supported(api, query.at(wanted, offset), fields, _PAGE, strict=True)


def _record(node: Record, fields: Sequence[Field]) -> Record:
    return {field.name: field.decode(node.get(field.asked)) for field in fields}
