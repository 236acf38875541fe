"""The commands that change entities. Each command is made from the description of a change, and
sends a mutation.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from atoll import Context, UsageError, yes_option
from atoll_admin.actions import dry_run_option, show_requests
from atoll_admin.entity import Change, Entity, refuse_unknown, resolve_values
from atoll_admin.fields import Field
from atoll_admin.queries import fetch_one
from atoll_admin.requests import Mutation

if TYPE_CHECKING:
    from atoll import Api


def change_command(entity: Entity, change: Change, help: str) -> click.Command:
    """Return the command for a change."""

    async def callback(context: Context, dry_run: bool, yes: bool = False, **values: Any) -> int:
        return await _change(context, entity, change, values, dry_run=dry_run, yes=yes)

    params = [*change.params, dry_run_option()]
    command = click.Command(None, callback=callback, params=params, help=help)
    return yes_option()(command) if change.question else command


async def _change(
    context: Context,
    entity: Entity,
    change: Change,
    values: dict[str, Any],
    *,
    dry_run: bool,
    yes: bool,
) -> int:
    named = dict(values)
    context.output.attempt(entity.official_name, change.action)
    api = await context.connect()
    major = (await api.version()).major
    refuse_unknown(change, values, major, await api.manager())
    await _ask_secrets(context, change, values)
    values = await resolve_values(api, change.resolve, change.prepare(values))
    variables: Mapping[str, Any] = change.variables(values)
    mutations = _mutations(entity, change, variables, major)
    if change.existing:
        variables = await _look_up(api, entity, change, mutations[0], variables)
        mutations = _mutations(entity, change, variables, major)
    if dry_run:
        await show_requests(context, [("POST", "/admin/gql", one.body) for one in mutations])
        return 0
    if change.question:
        question = change.question.format(**named)
        await context.consent(question, yes=yes, official_asks=change.official_asks)
    answers = [await mutation.send(api) for mutation in mutations]
    fields, made = await _made(api, entity, change, mutations[0], answers[0])
    about = {name: made[name] for name in change.lifted} if made else _named(mutations[0])
    context.output.done(
        change.done.format(**named),
        made,
        [field.column for field in fields],
        kind=entity.official_name,
        about={"msg": answers[0].get("msg") or "success", **about},
    )
    return 0


def _mutations(
    entity: Entity, change: Change, variables: Mapping[str, Any], major: int
) -> Sequence[Mutation]:
    """Return the mutations of the change: one, or two if a single one would fail."""
    if change.existing and not change.question and variables.get("props") == {}:
        raise UsageError("nothing to change", hint="give at least one option")
    arguments = {name: (change.type_of(name), value) for name, value in variables.items()}
    selection = _selection(entity, change)
    follow_up = change.follow_up
    if follow_up is None or major < follow_up.since:
        return [Mutation(change.mutation, arguments, selection)]
    props = variables["props"]
    now = {name: value for name, value in props.items() if name not in follow_up.names}
    then = {name: value for name, value in props.items() if name in follow_up.names}
    first = Mutation(change.mutation, {**arguments, "props": (change.props, now)}, selection)
    second = Mutation(follow_up.mutation, {**arguments, "props": (follow_up.props, then)})
    return [first, second] if then else [first]


async def _look_up(
    api: "Api", entity: Entity, change: Change, mutation: Mutation, variables: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the variables, and the present values of the fields that must be sent again; raises
    NotFound if the entity does not exist.
    """
    names = (entity.key, *change.sent_again)
    _, found = await fetch_one(api, entity, mutation.key, entity.select_fields(",".join(names)))
    if not change.sent_again:
        return variables
    again = {name: found[name] for name in change.sent_again if found.get(name) is not None}
    return {**variables, "props": {**again, **variables["props"]}}


async def _made(
    api: "Api", entity: Entity, change: Change, mutation: Mutation, answer: Mapping[str, Any]
) -> tuple[Sequence[Field], Mapping[str, Any] | None]:
    """Return the created entity, and its fields."""
    if not change.returned:
        return (), None
    fields = entity.select_fields(change.shown)
    made = answer.get(change.returned)
    # For some mutations, 26.x returns only whether they succeeded.
    if made is None:
        return await fetch_one(api, entity, mutation.key, fields)
    return fields, {field.name: field.decode(made.get(field.asked)) for field in fields}


def _named(mutation: Mutation) -> Mapping[str, Any]:
    """Return the argument that names the entity, such as `{"email": "ada@example.org"}`."""
    return {next(iter(mutation.arguments)): mutation.key}


def _selection(entity: Entity, change: Change) -> str:
    if not change.returned:
        return "ok msg"
    made = " ".join(field.selection for field in entity.select_fields(change.shown))
    return f"ok msg {change.returned} {{ {made} }}"


async def _ask_secrets(context: Context, change: Change, values: dict[str, Any]) -> None:
    for name in change.secrets:
        if values.get(name) is None:
            values[name] = await context.ask(name.replace("_", " "), hidden=True)
