"""Asks for names in the background, so that completion never has to."""

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
from atoll._shell.wants import NamesOf, Offer, Want
from atoll._state import ShellState
from atoll._warnings import warn
from atoll.hookspecs import COMPLETIONS

if TYPE_CHECKING:
    from atoll._api import Api

_PATIENCE = 15.0
"""Seconds that an answer may take."""
_REST = 30.0
"""Seconds before something is asked for again that was not told."""
_PAUSE = 2.0
"""Seconds before it is looked again whether there is a cluster."""
_LONG_LIVED = 60.0
"""Names with a longer ttl, in seconds, are not asked for after each command."""
_AT_ONCE = 4
"""How many questions a cluster is asked at the same time."""


def note_failure(program: Program, question: Question, error: AtollError) -> None:
    """Keep why a plugin has not answered; what a cluster refuses is no failure of the plugin."""
    if isinstance(error, PluginError) or not question.needs_api:
        Failures.of(program.paths).note(question.origin, question.doing, error)


@define
class Refresher:
    """Keeps the names fresh while the prompt is used, and lets the cluster be while it is not.

    `look` is called, in a thread, to see what the line may go on with; `on_change` is called after
    each answer, and when there is nobody to answer.
    """

    program: Program
    names: Names
    state: ShellState
    context: Context
    on_change: Callable[[], object] = lambda: None
    look: Callable[[], Offer] = Offer
    _next: dict[Want, float] = field(factory=dict)
    """The earliest moment at which each thing is asked for again."""
    _asked: set[Want] = field(factory=set)
    """What has been asked for and not been answered yet."""
    _line: tuple[Want, ...] = ()
    """What the line wants."""
    _wanted: trio.Event = field(factory=trio.Event)
    _has_run: bool = False
    """Whether a command has, which may have turned to another profile."""
    _connecting: bool = False
    _told: set[str] = field(factory=set)

    async def run(self) -> None:
        """Refresh whenever that is wanted, until cancelled."""
        places = trio.CapacityLimiter(_AT_ONCE)
        async with trio.open_nursery() as nursery:
            while True:
                await self._wanted.wait()
                self._wanted = trio.Event()
                self._line = (await trio.to_thread.run_sync(self.look)).wants
                for question in self._due(api=False):
                    nursery.start_soon(self._answer, question, None)
                if not self._connecting and (self._has_run or self._due(api=True)):
                    self._has_run, self._connecting = False, True
                    nursery.start_soon(self._ask_cluster, nursery, places)

    def typed(self) -> None:
        """Note that the prompt is in use: names that have grown old are asked for."""
        self._wanted.set()

    def ran(self) -> None:
        """Note that a command has run, which may have changed what there is."""
        records = [one.record for one in self.program.registry.collect(COMPLETIONS)]
        lasting = {NamesOf(record.kind) for record in records if record.ttl > _LONG_LIVED}
        self._next = {want: when for want, when in self._next.items() if want in lasting}
        self._has_run = True
        self._wanted.set()

    def _due(self, *, api: bool) -> list[Question]:
        now = time.monotonic()
        return [
            one
            for one in self._questions()
            if one.needs_api == api
            and one.want not in self._asked
            and self._next.get(one.want, 0.0) <= now
        ]

    def _questions(self) -> Iterator[Question]:
        for provided in self.program.registry.collect(COMPLETIONS):
            if not provided.record.paths:
                yield Question(NamesOf(provided.record.kind), provided)
        for want in self._line:
            if not isinstance(want, NamesOf) and (found := question_of(self.program, want)):
                yield found

    async def _ask_cluster(self, nursery: trio.Nursery, places: trio.CapacityLimiter) -> None:
        """Connect to the cluster in use, if one runs, and ask it for what is due."""
        api = None
        try:
            with trio.fail_after(_PATIENCE):
                api = await self.program.connect_if_up()
        except Exception:  # noqa: BLE001  # nobody asked for this: the toolbar tells, and no more
            self.state.names_old = True
            self._postpone(_REST)
        else:
            self.state.names_old = self.state.names_old and api is not None
            if api is None:
                self._postpone(_PAUSE)
            elif self.names.switch(self.program.paths.cache, api.profile):
                self._next.clear()
        self._connecting = False
        questions = self._due(api=True) if api else []
        for question in questions:
            nursery.start_soon(self._answer, question, api, places)
        if not questions:
            self.on_change()

    def _postpone(self, seconds: float) -> None:
        for question in self._due(api=True):
            self._next[question.want] = time.monotonic() + seconds
            self.names.miss(question.want)

    async def _answer(
        self, question: Question, api: "Api | None", places: trio.CapacityLimiter | None = None
    ) -> None:
        """Ask for one thing, in its own time; what goes wrong is no harm to the others."""
        self._asked.add(question.want)
        wait, folder = _REST, self.names.folder
        try:
            with trio.fail_after(_PATIENCE):
                if places is None:
                    await self._learn(question, api)
                else:
                    async with places:
                        await self._learn(question, api)
            wait = question.ttl
        except (Unreachable, trio.TooSlowError) as error:
            if question.needs_api:
                self.state.names_old = True
            else:
                await self._fail(question, AtollError(str(error) or "it has not answered"))
        except AtollError as error:
            await self._fail(question, error)
        finally:
            self._asked.discard(question.want)
            if self._stands(question, folder):
                self._next[question.want] = time.monotonic() + wait
                self.names.miss(question.want)
            else:
                self._wanted.set()
            self.on_change()

    def _stands(self, question: Question, folder: Path | None) -> bool:
        """Whether what was asked for is still of use: another profile may be in use by now."""
        return folder == self.names.folder or not question.needs_api

    async def _learn(self, question: Question, api: "Api | None") -> None:
        folder = self.names.folder
        found = await ask(question, self.context, api)
        if question.needs_api:
            self.state.names_old = False
        if self._stands(question, folder):
            self.names.learn(question.want, found)
        await trio.to_thread.run_sync(self._keep, question)

    def _keep(self, question: Question) -> None:
        self.names.save()
        Failures.of(self.program.paths).clear(question.origin, question.doing)

    async def _fail(self, question: Question, error: AtollError) -> None:
        """Keep what went wrong for `plugins` and `doctor`; a plugin's own fault is told once."""
        if isinstance(error, PluginError) and error.message not in self._told:
            self._told.add(error.message)
            warn(error.message)
        await trio.to_thread.run_sync(note_failure, self.program, question, error)
