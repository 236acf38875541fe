"""Calls the completion functions of plugins; these may send requests to the cluster."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import trio
from attrs import frozen

from atoll._context import Context
from atoll._plugins import Origin, Provided
from atoll._program import Program
from atoll._records import Candidate, Completion
from atoll._shell.click_completion import ask_parameter
from atoll._shell.queries import PathsIn, Query, ValuesOf
from atoll.hookspecs import COMPLETIONS

if TYPE_CHECKING:
    from atoll._api import Api

_MOST = 100_000
"""The most names of one kind that are used."""
VALUES_LAST = 5.0
"""Seconds for which the values that a parameter returns stay fresh."""


@frozen
class Question:
    """Data that completion needs, and the record of the plugin that provides it; None if a
    parameter completes itself.
    """

    query: Query
    provided: Provided[Completion] | None = None

    @property
    def needs_api(self) -> bool:
        """Whether the answer comes from a cluster."""
        return self.provided is not None and self.provided.record.needs == "api"

    @property
    def profile(self) -> str:
        """The profile whose cluster is asked; empty for the one in use."""
        return self.query.profile

    @property
    def ttl(self) -> float:
        """For how many seconds an answer stays fresh."""
        return self.provided.record.ttl if self.provided else VALUES_LAST

    @property
    def origin(self) -> Origin:
        """The plugin that answers."""
        if isinstance(self.query, ValuesOf):
            return self.query.origin
        assert self.provided is not None  # noqa: S101  # all others have a record
        return self.provided.origin

    @property
    def doing(self) -> str:
        """What the plugin does, in words for messages."""
        if isinstance(self.query, ValuesOf):
            return f"the completion of {self.query.parameter.name!r}"
        return f"its completion {self.query.kind!r}"


def question_of(program: Program, query: Query) -> Question | None:
    """Return the question for data that completion needs; None if no plugin provides it."""
    if isinstance(query, ValuesOf):
        return Question(query)
    for provided in program.registry.collect(COMPLETIONS):
        record = provided.record
        if record.kind == query.kind and record.paths == isinstance(query, PathsIn):
            return Question(query, provided)
    return None


async def ask(question: Question, context: Context, api: "Api | None") -> Sequence[Candidate]:
    """Return the answer; raises PluginError for any error of a plugin, and AtollErrors."""
    query, provided = question.query, question.provided
    if isinstance(query, ValuesOf) or provided is None:
        return await trio.to_thread.run_sync(_ask_parameter, query, abandon_on_cancel=True)
    # In a thread, since during an import the prompt could not react to keys.
    names = await trio.to_thread.run_sync(provided.load, abandon_on_cancel=True)
    asked: Any = api if question.needs_api else context
    where = (query.within, query.folder) if isinstance(query, PathsIn) else ()
    with provided.guarded(question.doing):
        return checked(await names(asked, *where))


def _ask_parameter(query: Query) -> Sequence[Candidate]:
    assert isinstance(query, ValuesOf)  # noqa: S101  # no other has no record
    return ask_parameter(query)


def checked(found: Iterable[Candidate | str]) -> Sequence[Candidate]:
    """Return the candidates in a plugin's answer; raises TypeError if it contains anything else."""
    if isinstance(found, str | bytes):
        raise TypeError("it gave one text, not several")
    return [_candidate(one) for one in islice(found, _MOST)]


def _candidate(one: object) -> Candidate:
    if isinstance(one, str):
        return Candidate(one)
    if isinstance(one, Candidate) and isinstance(one.text, str) and isinstance(one.meta, str):
        return one
    raise TypeError(f"it gave {type(one).__name__}, not texts or Candidates of texts")
