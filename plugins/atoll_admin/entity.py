"""Describes an entity of the cluster: its fields, how it is queried and how it is changed.

The entity's commands, their output and the completion of its names are all made from such a
description (:mod:`atoll_admin.list_commands`, :mod:`atoll_admin.completions`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from attrs import field, frozen

from atoll import AtollError
from atoll.output import columns_of
from atoll_admin.fields import Field

if TYPE_CHECKING:
    from atoll import Api

Resolve = Callable[["Api", Any], Awaitable[Any]]
"""Converts what the user typed (a group's name) into what the API expects (its id)."""


@frozen(kw_only=True)
class SingleQuery:
    """The GraphQL root that returns one entity: `user(email: String)`.

    Without their argument, many of these roots return what belongs to the caller.
    """

    root: str
    argument: str
    type: str = "String"


@frozen(kw_only=True)
class ListQuery:
    """A GraphQL root that lists entities.

    `arguments` are the root's own, by name, with their types. A `paged` root takes `limit`,
    `offset`, `filter` and `order` too, and knows the names in `filterable` and `orderable`.
    """

    root: str
    arguments: Mapping[str, str] = field(factory=dict)
    resolve: Mapping[str, Resolve] = field(factory=dict)
    paged: bool = False
    filterable: Sequence[str] = ()
    orderable: Sequence[str] = ()


@frozen(kw_only=True)
class Entity:
    """A kind of entity in a cluster: users, agents, images.

    `key` is the field that identifies one of them, `default_columns` the columns of a list,
    `described_by` the fields that completion shows beside a name, `hidden` those that are shown
    only when they are named. `visible_to` says who may see them all, and `list_word` is the word
    below `admin` that lists them.

    In the JSON of the official client, `official_columns` are the columns of a list, and
    `official_name` is the name of the kind.
    """

    name: str
    fields: Sequence[Field]
    key: str
    default_columns: str
    listing: ListQuery
    single: SingleQuery | None = None
    described_by: Sequence[str] = ()
    hidden: Sequence[str] = ()
    visible_to: str = "superadmins"
    plural: str = field()
    list_word: str = field()
    official_columns: str = ""
    official_name: str = field()

    @official_name.default
    def _same_with_underscores(self) -> str:
        return self.name.replace(" ", "_")

    @plural.default
    def _add_s(self) -> str:
        return f"{self.name}s"

    @list_word.default
    def _same_with_dashes(self) -> str:
        return self.plural.replace(" ", "-")

    @property
    def shown(self) -> list[Field]:
        """All fields that are shown about one of them."""
        return [one for one in self.fields if one.name not in self.hidden]

    def select_fields(self, names: str) -> list[Field]:
        """Return the fields with these names, which are separated by commas; raises UsageError for
        unknown ones.
        """
        by_name = {one.name: one for one in self.fields}
        columns = columns_of(names, [one.column for one in self.fields])
        return [by_name[column.name] for column in columns]


def _as_given(values: dict[str, Any]) -> dict[str, Any]:
    return values


@frozen(kw_only=True)
class FollowUp:
    """Props that clusters since a certain major version can't set in the mutation that creates an
    entity; a second mutation sets them.
    """

    names: Sequence[str]
    mutation: str
    props: str
    since: int


@frozen(kw_only=True)
class Change:
    """A mutation, as a command.

    Each of the command's `params` becomes an argument of the mutation (`arguments`, by name, with
    their types) or else a field of its `props`, an input of the type named there. `prepare` may add
    values, `resolve` converts values into what the API expects, `renamed` maps names that would
    clash, and `fixed` are props that the command itself sets. A param that is not given is not
    changed. `since` gives the major version from which clusters know a param; `secrets` are asked
    for without echo if they are left out.

    `done` is the message afterwards, with the params in braces; `question` is the question before.
    `shown` names fields of the created entity, which is in the answer under `returned`. With
    `existing`, the entity is looked up before the change, since releases differ if it does not
    exist. Fields in `sent_again` are sent with every change; unless the user gives a value, their
    present value is sent, since some releases would reset them. `official_asks` says whether the
    official client asks first, too; `action` is that client's name for the change in errors. It
    writes the fields in `lifted` twice, in the created entity and beside it.
    """

    mutation: str
    params: Sequence[click.Parameter]
    arguments: Mapping[str, str]
    props: str = ""
    renamed: Mapping[str, str] = field(factory=dict)
    fixed: Mapping[str, Any] = field(factory=dict)
    since: Mapping[str, int] = field(factory=dict)
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = _as_given
    resolve: Mapping[str, Resolve] = field(factory=dict)
    secrets: Sequence[str] = ()
    done: str
    question: str = ""
    follow_up: FollowUp | None = None
    returned: str = ""
    shown: str = ""
    existing: bool = True
    sent_again: Sequence[str] = ()
    official_asks: bool = False
    action: str = "update"
    lifted: Sequence[str] = ()

    def variables(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the mutation's variables for the values of its params."""
        given = {name: value for name, value in values.items() if value not in (None, ())}
        found = {name: given.pop(name) for name in self.arguments if name in given}
        if self.props:
            found["props"] = {self.renamed.get(name, name): value for name, value in given.items()}
            found["props"].update(self.fixed)
        return found

    def type_of(self, variable: str) -> str:
        """Return the type of one of its variables."""
        return self.props if variable == "props" else self.arguments[variable]


async def resolve_values(
    api: "Api", resolve: Mapping[str, Resolve], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the given values, converted into what the API expects."""
    found = dict(values)
    for name, function in resolve.items():
        if found.get(name) is not None:
            found[name] = await function(api, found[name])
    return found


def refuse_unknown(change: Change, values: Mapping[str, Any], major: int, manager: str) -> None:
    """Raise AtollError for a value that a cluster of this major version does not accept."""
    newer = {name for name, since in change.since.items() if since > major}
    given = [param for param in change.params if values.get(param.name or "") is not None]
    if refused := [param.opts[0] for param in given if param.name in newer]:
        raise AtollError(f"this cluster ({manager}) is too old for {', '.join(refused)}")
