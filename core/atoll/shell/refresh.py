"""Asks the cluster for its names in the background, so that completion never has to."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll.errors import Unreachable
from atoll.plugins import Provided, load_attribute
from atoll.program import Program
from atoll.records import Completion
from atoll.shell.names import Names
from atoll.state import ShellState

if TYPE_CHECKING:
    from atoll.api import Api

_PATIENCE = 15.0
"""Seconds that the cluster is given to tell its names."""
_REST = 30.0
"""Seconds before a kind is asked for again that could not be asked for."""
_PAUSE = 2.0
"""Seconds before it is looked again whether there is a cluster."""
_LONG_LIVED = 60.0
"""Names with a longer ttl, in seconds, are not asked for after each command."""


@define
class Refresher:
    """Keeps the names fresh while the prompt is used, and lets the cluster be while it is not.

    `on_change` is called after each round.
    """

    program: Program
    names: Names
    state: ShellState
    on_change: Callable[[], object] = lambda: None
    _next: dict[str, float] = field(factory=dict)
    _wanted: trio.Event = field(factory=trio.Event)

    async def run(self) -> None:
        """Refresh whenever that is wanted, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            await self._refresh()
            self.on_change()

    def typed(self) -> None:
        """Note that the prompt is in use: names that have grown old are asked for."""
        if self._due():
            self._wanted.set()

    def ran(self) -> None:
        """Note that a command has run, which may have changed what there is."""
        for provided in self._records():
            if provided.record.ttl <= _LONG_LIVED:
                self._next.pop(provided.record.kind, None)
        self._wanted.set()

    def _records(self) -> list[Provided[Completion]]:
        return self.program.registry.collect("atoll_completions")

    def _due(self) -> list[Provided[Completion]]:
        now = time.monotonic()
        return [one for one in self._records() if self._next.get(one.record.kind, 0.0) <= now]

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
        answered = [await self._ask_for(provided, api) for provided in self._due()]
        await trio.to_thread.run_sync(self.names.save)
        return all(answered)

    async def _ask_for(self, provided: Provided[Completion], api: "Api") -> bool:
        """Ask for one kind; one that the cluster does not tell is no harm to the others."""
        record, wait = provided.record, _REST
        try:
            await learn(self.names, provided, api)
            wait = record.ttl
        except Unreachable:
            raise
        except Exception:  # noqa: BLE001  # whatever a plugin raises, the prompt goes on
            return False
        finally:
            self._next[record.kind] = time.monotonic() + wait
        return True

    def _postpone(self, seconds: float) -> None:
        for provided in self._due():
            self._next[provided.record.kind] = time.monotonic() + seconds


async def learn(names: Names, provided: Provided[Completion], api: "Api") -> None:
    """Ask a cluster for its names of a kind; raises whatever the plugin does."""
    # In a thread, since an import would keep the prompt from answering keys.
    ask = await trio.to_thread.run_sync(load_attribute, provided.record.load, provided.origin)
    names.learn(provided.record.kind, await ask(api))
