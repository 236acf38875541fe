"""Asks the cluster for its names in the background, so that completion never has to."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import trio
from attrs import define, field, frozen

from atoll._errors import Unreachable
from atoll._plugins import Provided
from atoll._program import Program
from atoll._records import Completion
from atoll._shell.names import Names, Spot
from atoll._state import ShellState
from atoll.hookspecs import COMPLETIONS

if TYPE_CHECKING:
    from atoll._api import Api

_PATIENCE = 15.0
"""Seconds that the cluster is given to tell its names."""
_REST = 30.0
"""Seconds before a kind is asked for again that could not be asked for."""
_PAUSE = 2.0
"""Seconds before it is looked again whether there is a cluster."""
_LONG_LIVED = 60.0
"""Names with a longer ttl, in seconds, are not asked for after each command."""


@frozen
class _Question:
    """What the cluster may be asked for: a kind of name, or what lies at a spot."""

    provided: Provided[Completion]
    spot: Spot | None = None

    @property
    def key(self) -> str | Spot:
        return self.spot or self.provided.record.kind


@define
class Refresher:
    """Keeps the names fresh while the prompt is used, and lets the cluster be while it is not.

    `look` is called, in a thread, to look for what the line may go on with; `on_change` is called
    after each round.
    """

    program: Program
    names: Names
    state: ShellState
    on_change: Callable[[], object] = lambda: None
    look: Callable[[], object] = lambda: None
    _next: dict[str | Spot, float] = field(factory=dict)
    """When what may be asked for again."""
    _wanted: trio.Event = field(factory=trio.Event)
    _has_run: bool = False
    """Whether a command has, which may have turned to another profile."""

    async def run(self) -> None:
        """Refresh whenever that is wanted, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            await trio.to_thread.run_sync(self.look)
            if self._has_run or self._due():
                self._has_run = False
                await self._refresh()
                self.on_change()

    def typed(self) -> None:
        """Note that the prompt is in use: names that have grown old are asked for."""
        self._wanted.set()

    def ran(self) -> None:
        """Note that a command has run, which may have changed what there is."""
        records = self.program.registry.collect(COMPLETIONS)
        lasting = {one.record.kind for one in records if one.record.ttl > _LONG_LIVED}
        self._next = {key: when for key, when in self._next.items() if key in lasting}
        self._has_run = True
        self._wanted.set()

    def _due(self) -> list[_Question]:
        now = time.monotonic()
        return [one for one in self._questions() if self._next.get(one.key, 0.0) <= now]

    def _questions(self) -> Iterator[_Question]:
        for provided in self.program.registry.collect(COMPLETIONS):
            if not provided.record.paths:
                yield _Question(provided)
            elif (spot := self.names.spot) and spot.kind == provided.record.kind:
                yield _Question(provided, spot)

    async def _refresh(self) -> None:
        try:
            with trio.fail_after(_PATIENCE):
                fresh = await self._ask()
        except Exception:  # noqa: BLE001  # nobody asked for this: the toolbar tells, and no more
            fresh = False
            self._postpone(_REST)
        self.state.names_old = not fresh

    async def _ask(self) -> bool:
        """Ask for what is due; returns whether all of it was answered."""
        api = await self.program.connect_if_up()
        if api is None:
            self._postpone(_PAUSE)
            return True
        if self.names.switch(self.program.paths.cache, api.profile):
            self._next.clear()
        answered = [await self._ask_for(question, api) for question in self._due()]
        await trio.to_thread.run_sync(self.names.save)
        return all(answered)

    async def _ask_for(self, question: _Question, api: "Api") -> bool:
        """Ask for one thing; what the cluster does not tell is no harm to the others."""
        wait = _REST
        try:
            await learn(self.names, question.provided, api, question.spot)
            wait = question.provided.record.ttl
        except Unreachable:
            raise
        except Exception:  # noqa: BLE001  # whatever a plugin raises, the prompt goes on
            # What lies where nothing is, is no news.
            return question.spot is not None
        finally:
            self._next[question.key] = time.monotonic() + wait
        return True

    def _postpone(self, seconds: float) -> None:
        for question in self._due():
            self._next[question.key] = time.monotonic() + seconds


async def learn(
    names: Names, provided: Provided[Completion], api: "Api", spot: Spot | None = None
) -> None:
    """Ask a cluster for its names of a kind, or at a spot; raises whatever the plugin does."""
    # In a thread, since an import would keep the prompt from answering keys.
    ask = await trio.to_thread.run_sync(provided.load)
    if spot is None:
        names.learn(provided.record.kind, await ask(api))
    else:
        names.learn_at(spot, await ask(api, spot.within, spot.folder))
