"""The commands of a kind, made of its description."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, Name, UsageError
from atoll_admin.asking import ask, compose, succeed
from atoll_admin.consent import agreed, dry_run_option, show_request, yes_option
from atoll_admin.expressions import check_filter, check_order
from atoll_admin.kind import Change, Kind, Listing, Resolve, refuse_unknown
from atoll_admin.reading import Span, read_list, read_one

if TYPE_CHECKING:
    from atoll.api import Api


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

    options = [*params, *_span_options(root), _fields_option(kind)]
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
    values = await _resolved(api, listing.resolve, values)
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
        if len(given) > 1 or (required and not given):
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


def change_command(kind: Kind, change: Change, help: str) -> click.Command:
    """Return the command that makes a change."""

    async def callback(context: Context, dry_run: bool, yes: bool = False, **values: Any) -> int:
        return await _change(context, kind, change, values, dry_run=dry_run, yes=yes)

    shared = [dry_run_option(), *([yes_option()] if change.question else [])]
    return _command(callback, [*change.params, *shared], help)


async def _change(
    context: Context,
    kind: Kind,
    change: Change,
    values: dict[str, Any],
    *,
    dry_run: bool,
    yes: bool,
) -> int:
    named = dict(values)
    await _ask_secrets(context, change, values)
    api = await context.connect()
    refuse_unknown(change, values, (await api.version()).major, await api.manager())
    values = await _resolved(api, change.resolve, change.prepare(values))
    variables = change.variables(values)
    if change.existing and not change.question and variables.get("props") == {}:
        raise UsageError("nothing to change", hint="give at least one option")
    if change.existing:
        await _look_up(api, kind, variables)
    if dry_run:
        body = {"query": _document(kind, change, variables), "variables": variables}
        show_request(context, "POST", "/admin/gql", body)
        return 0
    if change.question and not await agreed(context, change.question.format(**named), yes=yes):
        return 1
    await _make(context, api, kind, change, variables)
    context.output.note(change.done.format(**named))
    return 0


async def _look_up(api: "Api", kind: Kind, variables: Mapping[str, Any]) -> None:
    """Raise NotFound if what is to be changed is not there."""
    key = next(iter(variables.values()))
    await read_one(api, kind, key, kind.chosen(kind.key))


async def _make(
    context: Context, api: "Api", kind: Kind, change: Change, variables: Mapping[str, Any]
) -> None:
    arguments = {name: (change.type_of(name), value) for name, value in variables.items()}
    answer = await ask(api, change.mutation, arguments, _selection(kind, change), mutation=True)
    made = succeed(answer).get(change.returned)
    if not change.returned:
        return
    fields = kind.chosen(change.shown)
    # 26.x tells of some mutations' success alone.
    if made is None:
        _, record = await read_one(api, kind, next(iter(variables.values())), fields)
    else:
        record = {field.name: field.decode(made.get(field.asked)) for field in fields}
    context.output.item(record, [field.column for field in fields])


def _document(kind: Kind, change: Change, variables: Mapping[str, Any]) -> str:
    types = {name: change.type_of(name) for name in variables}
    return compose(change.mutation, types, _selection(kind, change), mutation=True)


def _selection(kind: Kind, change: Change) -> str:
    if not change.returned:
        return "ok msg"
    made = " ".join(field.selection for field in kind.chosen(change.shown))
    return f"ok msg {change.returned} {{ {made} }}"


async def _ask_secrets(context: Context, change: Change, values: dict[str, Any]) -> None:
    for name in change.secrets:
        if values.get(name) is None:
            values[name] = await ask_secret(context, name.replace("_", " "))


async def ask_secret(context: Context, what: str) -> str:
    """Ask for a secret without echo, or read it from standard input; raises UsageError."""
    context.output.note(f"{what}:")
    secret = await context.stdin.line(hidden=True)
    if not secret:
        raise UsageError(f"no {what} was given")
    return secret


async def _resolved(
    api: "Api", resolve: Mapping[str, Resolve], values: Mapping[str, Any]
) -> dict[str, Any]:
    found = dict(values)
    for name, function in resolve.items():
        if found.get(name) is not None:
            found[name] = await function(api, found[name])
    return found


_SPAN = ("filter", "order", "offset", "limit")


def _span_options(listing: Listing) -> Sequence[click.Option]:
    if not listing.paged:
        return ()
    example = listing.filterable[0]
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
    epilog = f"Further commands: {below}." if below else None
    return click.Command(None, callback=callback, params=[*params], help=help, epilog=epilog)
