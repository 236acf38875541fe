"""The commands that list entities and show one of them; they are made from the descriptions of
entities.
"""

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, UsageError, Values
from atoll_admin.entity import Entity, ListQuery, Resolve, resolve_values
from atoll_admin.queries import ListOptions, fetch_list, fetch_one
from atoll_sessions.api import check_filter, check_order, filter_values

if TYPE_CHECKING:
    from atoll import Api


def list_command(
    entity: Entity,
    *params: click.Parameter,
    listing: ListQuery | None = None,
    help: str = "",
    below: str = "",
) -> click.Command:
    """Return the command that lists entities; `params` are the root's arguments.

    `below` names subcommands, since the help does not list them.
    """
    root = listing or entity.listing
    text = help or f"List {entity.plural}; for {entity.visible_to}."

    async def callback(context: Context, **values: Any) -> None:
        await _list(context, entity, root, values)

    options = [*params, *_list_options(entity, root), _fields_option(entity)]
    return _command(callback, options, text, below)


async def _list(
    context: Context, entity: Entity, listing: ListQuery, values: dict[str, Any]
) -> None:
    named = values.pop("fields")
    usual = (context.output.in_envelope and entity.official_columns) or entity.default_columns
    fields = entity.select_fields(named or usual)
    wanted = (
        ListOptions(**{name: values.pop(name) for name in _LIST_OPTIONS})
        if listing.paged
        else ListOptions()
    )
    if wanted.filter:
        check_filter(wanted.filter, listing.filterable)
    if wanted.order:
        check_order(wanted.order, listing.orderable)
    api = await context.connect()
    values = await resolve_values(api, listing.resolve, values)
    rows = await fetch_list(api, listing, values, fields, wanted, strict=bool(named))
    columns = [field.column for field in rows.fields]
    await context.output.rows(rows.records, columns, paged=True, total=lambda: rows.total)


def show_command(
    entity: Entity,
    *flags: str,
    required: bool = False,
    resolve: Resolve | None = None,
    default: Callable[["Api"], str] | None = None,
    help: str = "",
    below: str = "",
) -> click.Command:
    """Return the command that shows everything about one entity.

    The user names the entity by an argument, or by an option with these `flags`. Otherwise
    `default` returns its name; without `default`, the cluster returns the caller's own entity.
    """
    params = _naming_params(entity, flags, required=required)

    async def callback(context: Context, fields: str | None, **values: Any) -> None:
        given = [value for value in values.values() if value is not None]
        if len(given) > 1 or (required and not given) or "" in given:
            raise UsageError(f"name one {entity.name}")
        everything = entity.fields if context.output.in_envelope else entity.shown
        select_fields = entity.select_fields(fields) if fields else everything
        api = await context.connect()
        key = given[0] if given else default(api) if default else None
        key = await resolve(api, key) if resolve and key else key
        known, record = await fetch_one(api, entity, key, select_fields, strict=bool(fields))
        context.output.item(record, [field.column for field in known])

    text = help or f"Show everything about one {entity.name}."
    return _command(callback, [*params, _fields_option(entity)], text, below)


def _naming_params(
    entity: Entity, flags: Sequence[str], *, required: bool
) -> Sequence[click.Parameter]:
    name = Name(entity.name.replace(" ", "-"))
    argument = click.Argument([entity.key], required=required and not flags, type=name)
    if not flags:
        return [argument]
    return [
        argument,
        click.Option([*flags, "named"], type=name, help=f"The {entity.name} to show."),
    ]


_LIST_OPTIONS = ("filter", "order", "offset", "limit")


def _list_options(entity: Entity, listing: ListQuery) -> Sequence[click.Option]:
    if not listing.paged:
        return ()
    example = entity.key if entity.key in listing.filterable else listing.filterable[0]
    whole = click.IntRange(min=0)
    return (
        click.Option(
            ["--filter"],
            type=filter_values(listing.filterable),
            metavar="EXPR",
            help=f'Only those that match, e.g. {example} == "x".',
        ),
        click.Option(
            ["--order"],
            type=Values.several(listing.orderable, signs="+-"),
            metavar="EXPR",
            help=f"Sort by these fields, e.g. -{example}.",
        ),
        click.Option(["--offset"], type=whole, default=0, help="Leave out this many at the start."),
        click.Option(["--limit"], type=click.IntRange(min=1), help="Show at most this many."),
    )


def _fields_option(entity: Entity) -> click.Option:
    names = [field.name for field in entity.fields]
    known = ", ".join(names)
    return click.Option(
        ["-f", "--format", "fields"],
        type=Values.several(names),
        metavar="FIELDS",
        help=f"These columns, separated by commas: {known}.",
    )


def _command(
    callback: Callable[..., Any], params: Sequence[click.Parameter], help: str, below: str = ""
) -> click.Command:
    epilog = _unbroken(f"Further commands: {below}.") if below else None
    return click.Command(None, callback=callback, params=[*params], help=help, epilog=epilog)


def _unbroken(words: str) -> str:
    """Wrap a text with names of commands: click would break the names at their hyphens."""
    return "\b\n" + textwrap.fill(words, 76, break_on_hyphens=False)
