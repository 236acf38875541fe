"""Fields of sessions that plugins add, this one among them."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from attrs import define, field

from atoll import AtollError, Context, Provided
from atoll.output import Column
from atoll_sessions.fields import FIELDS, Field
from atoll_sessions.hooks import SESSION_FIELDS, SessionField
from atoll_sessions.model import Session


def all_fields(context: Context) -> Sequence[Field]:
    """Return all fields of sessions, without those whose name is taken: each costs a warning."""
    own = {one.column.name for one in FIELDS}
    return [*FIELDS, *_added(context, own)]


def _added(context: Context, own: set[str]) -> Iterator[Field]:
    for provided in context.collect(SESSION_FIELDS):
        record = provided.record
        if record.name in own:
            context.output.warn(f"{provided.origin}: sessions have a field {record.name!r} already")
            continue
        column = Column(record.name, record.title, get=_Value(provided, context.output.warn))
        yield Field(column, " ".join(["id", *record.needs]), usual=record.usual)


@define
class _Value:
    """Asks a plugin for the value of a field. After a failure, which costs a warning, the field is
    empty.
    """

    provided: Provided[SessionField]
    warn: Callable[[str], None]
    _failed: bool = field(default=False, init=False)

    def __call__(self, session: Session) -> Any:
        if self._failed:
            return None
        try:
            with self.provided.guarded(f"its session field {self.provided.record.name!r}"):
                return _loaded(self.provided)(session)
        except AtollError as error:
            self._failed = True
            self.warn(error.message)
            return None


@cache
def _loaded(provided: Provided[SessionField]) -> Callable[[Session], Any]:
    value: Callable[[Session], Any] = provided.load()
    return value


def trouble(session: Session) -> str:
    """What the cluster has noted about a start that failed or was postponed."""
    return session.trouble


def exit_code(session: Session) -> int | None:
    """The exit code of a batch job that has ended."""
    return session.job_code
