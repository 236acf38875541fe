"""Fields of sessions that plugins add; this plugin adds some itself."""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from attrs import define, field

from atoll import AtollError, Context, PluginError, Problem, Provided
from atoll.output import Column
from atoll_sessions.fields import FIELDS, Field
from atoll_sessions.hooks import SESSION_FIELDS, SessionField
from atoll_sessions.model import Session

_UNKNOWN = re.compile(r"Cannot query field ['\"](\w+)['\"]")
_MOST = 2**20
"""The largest value that is accepted, in characters of JSON."""


def all_fields(context: Context) -> Sequence[Field]:
    """Return all fields of sessions. A field whose name is taken is left out, with a warning."""
    own = {one.column.name for one in FIELDS}
    return [*FIELDS, *_added(context, own)]


def _added(context: Context, own: set[str]) -> Iterator[Field]:
    for provided in context.collect(SESSION_FIELDS):
        record = provided.record
        if record.name in own:
            context.output.warn(f"{provided.origin}: sessions have a field {record.name!r} already")
            continue
        column = Column(record.name, record.title, get=_Value(provided, context.output.warn))
        yield Field(
            column, " ".join(["id", *record.needs]), usual=record.usual, origin=provided.origin
        )


def refused(fields: Iterable[Field], problem: Problem) -> Sequence[Field]:
    """Return the added fields that made the cluster refuse a query: it does not know the GraphQL
    fields that they need.
    """
    unknown = _UNKNOWN.findall(problem.message) if problem.type == "graphql-error" else ()
    return [
        one for one in fields if one.origin and not {*one.selection.split()}.isdisjoint(unknown)
    ]


@define
class _Value:
    """Calls the plugin for the value of a field. After a failure, which is reported once, the field
    stays empty.
    """

    provided: Provided[SessionField]
    warn: Callable[[str], None]
    _failed: bool = field(default=False, init=False)

    def __call__(self, session: Session) -> Any:
        if self._failed:
            return None
        origin, doing = self.provided.origin, f"its session field {self.provided.record.name!r}"
        try:
            with self.provided.guarded(doing):
                return _plain(_loaded(self.provided)(session))
        except PluginError as error:
            self.warn(error.message)
        except AtollError as error:
            self.warn(f"{origin}: {doing}: {error.message}")
        self._failed = True
        return None


def _plain(value: Any) -> Any:
    """Return a value as plain JSON data, so that no code of the plugin runs when it is written
    later; raises TypeError or ValueError if JSON can't hold the value.
    """
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise TypeError("it is async: values of fields come from plain functions")
    text = json.dumps(value, default=str)
    if len(text) > _MOST:
        raise ValueError(f"it gave more than {_MOST >> 20} MiB")
    return json.loads(text)


@cache
def _loaded(provided: Provided[SessionField]) -> Callable[[Session], Any]:
    value: Callable[[Session], Any] = provided.load()
    return value


def trouble(session: Session) -> str:
    """The cluster's note about a start that failed or was postponed."""
    return session.trouble


def exit_code(session: Session) -> int | None:
    """The exit code of a batch job that has ended."""
    return session.job_code
