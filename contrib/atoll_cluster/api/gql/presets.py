"""Resource presets in GraphQL: named amounts of slots for sessions."""

import uuid
from collections.abc import Mapping
from typing import Any

from atoll_cluster.api.gql.columns import Column
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import EntityType, Resolvers, creation, listing, own_fields
from atoll_cluster.api.gql.filters import Clause, compile_filter
from atoll_cluster.api.gql.inputs import Props, Refused, named, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.gql.orders import compile_order
from atoll_cluster.slots import AmountError, parse_size
from atoll_cluster.store.administration import ResourcePreset

_COLUMNS: Mapping[str, Column] = {
    "name": Column("name"),
    "shared_memory": Column("shared_memory", "number"),
    "scaling_group_name": Column("scaling_group_name"),
}

PRESET = EntityType(
    label="resource preset",
    payload="resource_preset",
    table=lambda ctx: ctx.store.tables.presets,
    fields=lambda _, preset: own_fields(preset),
    columns=_COLUMNS,
    order="name",
)


def _all(_: Context, args: Mapping[str, Any]) -> list[Clause]:
    compile_order(args.get("order") or "", _COLUMNS, default="name")
    return [compile_filter(args.get("filter") or "", _COLUMNS)]


def _single(_: Any, info: Info, **args: Any) -> Fields | None:
    """Resolve `resource_preset` and `resource_preset_by_id`."""
    found = [one for one in listing(PRESET, _all)(_, info) if _is_meant(one, args)]
    return found[0] if found else None


def _is_meant(preset: Fields, args: Mapping[str, Any]) -> bool:
    if args.get("id"):
        return bool(preset["id"] == str(args["id"]))
    return bool(preset["name"] == args.get("name"))


def _build(ctx: Context, name: str, props: Props) -> ResourcePreset:
    return ResourcePreset(name=name, id=str(uuid.uuid4()), **_read(ctx, props))


def _modify(ctx: Context, name: str, props: Props, id: str | None = None) -> Fields:
    found = _find(ctx, name, id)
    changes = _read(ctx, props)
    new_name = changes.get("name", found.name)
    if new_name != found.name and PRESET.table(ctx).get(named("resource preset", new_name)):
        raise Refused(f"resource preset {new_name!r} exists already")
    PRESET.table(ctx).update(found.name, changes)
    return {}


def _delete(ctx: Context, name: str, id: str | None = None) -> Fields:
    PRESET.table(ctx).delete(_find(ctx, name, id).name)
    return {}


def _find(ctx: Context, name: str, preset_id: str | None) -> ResourcePreset:
    found = PRESET.table(ctx).find(id=preset_id) if preset_id else None
    return found or PRESET.get(ctx, name)


def _read(ctx: Context, props: Props) -> Props:
    group = props.get("scaling_group_name")
    if group and ctx.store.tables.scaling_groups.get(group) is None:
        raise Refused(f"no matching scaling group: {group}")
    if props.get("shared_memory") is None:
        return read_props(ResourcePreset, props)
    try:
        shared_memory = parse_size(props["shared_memory"])
    except AmountError as error:
        raise Refused(f"shared_memory: {error}") from None
    return read_props(ResourcePreset, {**props, "shared_memory": shared_memory})


QUERIES: Resolvers = {
    "resource_preset": _single,
    "resource_preset_by_id": _single,
    "resource_presets": listing(PRESET, _all),
}
MUTATIONS = {
    "create_resource_preset": Mutation(creation(PRESET, _build)),
    "modify_resource_preset": Mutation(_modify),
    "delete_resource_preset": Mutation(_delete),
}
