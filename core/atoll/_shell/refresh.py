"""Requests names in the background, so that completion need not wait for a cluster."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll._context import Context
from atoll._errors import AtollError, Unreachable
from atoll._failures import Failures
from atoll._plugins import PluginError
from atoll._program import Program
from atoll._shell.asking import Question, ask, question_of
from atoll._shell.names import Names
from atoll._shell.queries import NamesOf, Offer, Query
from atoll._state import ShellState
from atoll._target import Choice
from atoll._warnings import warn
from atoll.hookspecs import COMPLETIONS

if TYPE_CHECKING:
    from atoll._api import Api

_TIMEOUT = 15.0
"""Seconds that an answer may take."""
_RETRY_PAUSE = 30.0
"""Seconds before a failed question is asked again."""
_PAUSE = 2.0
"""Seconds between two checks for a running cluster."""
_LONG_TTL = 60.0
"""Names with a longer ttl, in seconds, are not requested after each command."""
_MOST_CONCURRENT = 4
"""How many questions are sent to a cluster at the same time."""


def note_failure(program: Program, question: Question, error: AtollError) -> None:
    """Store the error of a plugin's completion. Errors that a cluster has returned are not failures
    of the plugin.
    """
    if isinstance(error, PluginError) or not question.needs_api:
        Failures.of(program.paths).note(question.origin, question.doing, error)


@define
class Refresher:
    """Keeps the names fresh while the prompt is used; an unused prompt sends no requests.

    `look` is called in a thread; it returns the offer for the line that is being typed. `on_change`
    is called after each answer, and when no answer will come.
    """

    program: Program
    names: Names
    state: ShellState
    context: Context
    on_change: Callable[[], object] = lambda: None
    find_offer: Callable[[], Offer] = Offer
    _next: dict[Query, float] = field(factory=dict)
    """The earliest time at which each question is asked again."""
    _asked: set[Query] = field(factory=set)
    """Questions that were sent but not answered yet."""
    _line: tuple[Query, ...] = ()
    """The questions for the line that is being typed."""
    _wanted: trio.Event = field(factory=trio.Event)
    _has_run: bool = False
    """Whether a command has run, which may have changed the profile."""
    _runs: int = 0
    """How many commands have run. If one has run since a question was sent, its answer may be
    outdated.
    """
    _choice: Choice | None = None
    """The profile in use at the last check."""
    _connecting: set[str] = field(factory=set)
    _reported: set[str] = field(factory=set)

    async def run(self) -> None:
        """Refresh names whenever that is needed, until cancelled."""
        self._choice = self.program.target.made
        places = trio.CapacityLimiter(_MOST_CONCURRENT)
        async with trio.open_nursery() as nursery:
            while True:
                await self._wanted.wait()
                self._wanted = trio.Event()
                self._line = (await trio.to_thread.run_sync(self.find_offer)).queries
                for question in self._due(api=False):
                    nursery.start_soon(self._answer, question, None)
                for profile in self._profiles() - self._connecting:
                    self._connecting.add(profile)
                    nursery.start_soon(self._ask_cluster, nursery, places, profile)

    def typed(self) -> None:
        """Note that the prompt is in use, so that old names are requested again."""
        self._wanted.set()

    def note_command(self) -> None:
        """Note that a command has run, which may have changed the names."""
        lasting = self._lasting()
        self._next = {query: when for query, when in self._next.items() if query in lasting}
        self._has_run = True
        self._runs += 1
        self._turn()
        self._wanted.set()

    def _lasting(self) -> set[Query]:
        """Return the names that commands rarely change."""
        records = [one.record for one in self.program.registry.collect(COMPLETIONS)]
        return {NamesOf(record.kind) for record in records if record.ttl > _LONG_TTL}

    def _turn(self) -> None:
        """Drop the names of the earlier cluster if lines now use another one."""
        made = self.program.target.made
        if self._choice is not None and made != self._choice:
            self.names.forget()
        self._choice = made

    def _profiles(self) -> set[str]:
        """Return the profiles to connect to; an empty name means the profile in use."""
        profiles = {one.profile for one in self._due(api=True)}
        if self._has_run and "" not in self._connecting:
            self._has_run = False
            profiles.add("")
        return profiles

    def _due(self, *, api: bool, profile: str | None = None) -> list[Question]:
        now = time.monotonic()
        return [
            one
            for one in self._questions()
            if one.needs_api == api
            and profile in (None, one.profile)
            and one.query not in self._asked
            and self._next.get(one.query, 0.0) <= now
        ]

    def _questions(self) -> Iterator[Question]:
        for provided in self.program.registry.collect(COMPLETIONS):
            if not provided.record.paths:
                yield Question(NamesOf(provided.record.kind), provided)
        for query in self._line:
            is_named = not isinstance(query, NamesOf) or query.profile
            if is_named and (found := question_of(self.program, query)):
                yield found

    async def _ask_cluster(
        self, nursery: trio.Nursery, places: trio.CapacityLimiter, profile: str
    ) -> None:
        """If the cluster of a profile runs, connect to it, and send the questions that are due."""
        api = None
        try:
            with trio.fail_after(_TIMEOUT):
                api = await self.program.connect_if_up(profile)
        except Exception:  # noqa: BLE001  # the user did not ask for this: only the toolbar shows it
            self._note_old(profile, old=True)
            self._postpone(_RETRY_PAUSE, profile)
        else:
            self._note_old(profile, old=self.state.names_old and api is not None)
            if api is None:
                self._postpone(_PAUSE, profile)
            elif self.names.switch(self.program.paths.cache, api.profile, profile):
                self._mark_outdated(profile)
        self._connecting.discard(profile)
        questions = self._due(api=True, profile=profile) if api else []
        for question in questions:
            nursery.start_soon(self._answer, question, api, places)
        if not questions:
            self.on_change()

    def _note_old(self, profile: str, *, old: bool) -> None:
        if not profile:
            self.state.names_old = old

    def _mark_outdated(self, profile: str) -> None:
        self._next = {query: when for query, when in self._next.items() if query.profile != profile}

    def _postpone(self, seconds: float, profile: str) -> None:
        for question in self._due(api=True, profile=profile):
            self._next[question.query] = time.monotonic() + seconds
            self.names.miss(question.query)

    async def _answer(
        self, question: Question, api: "Api | None", places: trio.CapacityLimiter | None = None
    ) -> None:
        """Ask one question, within a time limit; an error does not affect the others."""
        self._asked.add(question.query)
        wait, folder, runs = _RETRY_PAUSE, self._folder(question), self._runs
        try:
            with trio.fail_after(_TIMEOUT):
                if places is None:
                    await self._learn(question, api)
                else:
                    async with places:
                        await self._learn(question, api)
            wait = question.ttl
        except (Unreachable, trio.TooSlowError) as error:
            if question.needs_api:
                self._note_old(question.profile, old=True)
            else:
                await self._fail(question, AtollError(str(error) or "it has not answered"))
        except AtollError as error:
            await self._fail(question, error)
        finally:
            self._asked.discard(question.query)
            is_new = runs == self._runs or question.query in self._lasting()
            if is_new and self._is_current(question, folder):
                self._next[question.query] = time.monotonic() + wait
                self.names.miss(question.query)
            else:
                self._wanted.set()
            self.on_change()

    def _is_current(self, question: Question, folder: Path | None) -> bool:
        """Whether an answer can still be used, since another profile may be in use by now."""
        return folder == self._folder(question) or not question.needs_api

    def _folder(self, question: Question) -> Path | None:
        return self.names.folders.get(question.profile)

    async def _learn(self, question: Question, api: "Api | None") -> None:
        folder = self._folder(question)
        found = await ask(question, self.context, api)
        if question.needs_api:
            self._note_old(question.profile, old=False)
        if self._is_current(question, folder):
            self.names.learn(question.query, found)
        await trio.to_thread.run_sync(self._keep, question)

    def _keep(self, question: Question) -> None:
        self.names.save()
        Failures.of(self.program.paths).clear(question.origin, question.doing)

    async def _fail(self, question: Question, error: AtollError) -> None:
        """Store an error for `plugins` and `doctor`; an error that is the plugin's fault is also
        reported, once.
        """
        if isinstance(error, PluginError) and error.message not in self._reported:
            self._reported.add(error.message)
            warn(error.message)
        await trio.to_thread.run_sync(note_failure, self.program, question, error)
