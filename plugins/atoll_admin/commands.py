"""The commands that list a kind and show one of it, made of its description."""

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, UsageError
from atoll_admin.kind import Kind, Listing, Resolve, resolved
from atoll_admin.reading import Span, read_list, read_one
from atoll_sessions.api import check_filter, check_order

if TYPE_CHECKING:
    from atoll import Api


def list_command(
    kind: Kind,
    *params: click.Parameter,
    listing: Listing | None = None,
    help: str = "",
    below: str = "",
) -> click.Command:
    """Return the command that lists a kind; `params` are the root's arguments.

    `below` names the commands that go by further words, since the help does not know them.
    """
    root = listing or kind.listing
    text = help or f"List {kind.plural}; for {kind.who}."

    async def callback(context: Context, **values: Any) -> None:
        await _list(context, kind, root, values)

    options = [*params, *_span_options(kind, root), _fields_option(kind)]
    return _command(callback, options, text, below)


async def _list(context: Context, kind: Kind, listing: Listing, values: dict[str, Any]) -> None:
    named = values.pop("fields")
    fields = kind.chosen(named or kind.listed)
    span = Span(**{name: values.pop(name) for name in _SPAN}) if listing.paged else Span()
    if span.filter:
        check_filter(span.filter, listing.filterable)
    if span.order:
        check_order(span.order, listing.orderable)
    api = await context.connect()
    values = await resolved(api, listing.resolve, values)
    rows = await read_list(api, listing, values, fields, span, strict=bool(named))
    await context.output.rows(rows.records, [field.column for field in rows.fields], paged=True)


def show_command(
    kind: Kind,
    *flags: str,
    required: bool = False,
    resolve: Resolve | None = None,
    default: Callable[["Api"], str] | None = None,
    help: str = "",
    below: str = "",
) -> click.Command:
    """Return the command that shows everything about one thing.

    It is named by an argument, or by an option of these `flags`. When it is not named, `default`
    tells which one is meant; the cluster shows the caller's own otherwise.
    """
    params = _naming_params(kind, flags, required=required)

    async def callback(context: Context, fields: str | None, **values: Any) -> None:
        given = [value for value in values.values() if value is not None]
        if len(given) > 1 or (required and not given) or "" in given:
            raise UsageError(f"name one {kind.name}")
        chosen = kind.chosen(fields) if fields else kind.shown
        api = await context.connect()
        key = given[0] if given else default(api) if default else None
        key = await resolve(api, key) if resolve and key else key
        known, record = await read_one(api, kind, key, chosen, strict=bool(fields))
        context.output.item(record, [field.column for field in known])

    text = help or f"Show everything about one {kind.name}."
    return _command(callback, [*params, _fields_option(kind)], text, below)


def _naming_params(
    kind: Kind, flags: Sequence[str], *, required: bool
) -> Sequence[click.Parameter]:
    name = Name(kind.name.replace(" ", "-"))
    argument = click.Argument([kind.key], required=required and not flags, type=name)
    if not flags:
        return [argument]
    return [argument, click.Option([*flags, "named"], type=name, help=f"The {kind.name} to show.")]


_SPAN = ("filter", "order", "offset", "limit")


def _span_options(kind: Kind, listing: Listing) -> Sequence[click.Option]:
    if not listing.paged:
        return ()
    example = kind.key if kind.key in listing.filterable else listing.filterable[0]
    whole = click.IntRange(min=0)
    return (
        click.Option(
            ["--filter"], metavar="EXPR", help=f'Only those that match, e.g. {example} == "x".'
        ),
        click.Option(["--order"], metavar="EXPR", help=f"Sort by these fields, e.g. -{example}."),
        click.Option(["--offset"], type=whole, default=0, help="Leave out the first ones."),
        click.Option(["--limit"], type=click.IntRange(min=1), help="Show no more than this."),
    )


def _fields_option(kind: Kind) -> click.Option:
    known = ", ".join(field.name for field in kind.fields)
    return click.Option(
        ["-f", "--format", "fields"],
        metavar="FIELDS",
        help=f"These columns, separated by commas: {known}.",
    )


def _command(
    callback: Callable[..., Any], params: Sequence[click.Parameter], help: str, below: str = ""
) -> click.Command:
    epilog = _unbroken(f"Further commands: {below}.") if below else None
    return click.Command(None, callback=callback, params=[*params], help=help, epilog=epilog)


def _unbroken(words: str) -> str:
    """Wrap a text that names commands: click would break the names at their hyphens."""
    return "\b\n" + textwrap.fill(words, 76, break_on_hyphens=False)
