"""The menu below the line: the rows that Tab shows; it is updated as answers arrive."""

import asyncio

from attrs import define, field
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import Completion
from prompt_toolkit.document import Document

from atoll._shell.completion import Answers, LineCompleter, Rows, waiting
from atoll._shell.daemon_threads import in_daemon_thread

_TIMEOUT = 2.0
"""Seconds within which an answer is still inserted; a later answer is only shown."""
_SHOW_SEARCH_AFTER = 0.1
"""Seconds after which the menu shows that a search is running."""
_MOST_LOOKUPS = 4
"""The most threads that search at a time; if these block, more would block as well."""


@define
class Menu:
    """Opens the menu of a buffer, and updates it until the user types more.

    Keys never wait: folders and long lists are searched in threads.
    """

    app: Application[str]
    buffer: Buffer
    completer: LineCompleter
    answers: Answers = field(factory=Answers)
    _task: "asyncio.Task[None] | None" = None
    _lookups: set["asyncio.Future[Rows]"] = field(factory=set)
    _shown: CompletionState | None = None

    def press(self) -> None:
        """Handle Tab: open the menu, or go to its next row."""
        if self.buffer.complete_state:
            self.buffer.complete_next()
        else:
            self.open(inserts=True)

    def open(self, *, inserts: bool) -> None:
        """Show the candidates at the cursor. With `inserts`, insert what all candidates have in
        common.
        """
        if self._task is not None:
            self._task.cancel()
        self._shown = None
        self._task = self.app.create_background_task(self._fill(inserts=inserts))

    async def _fill(self, *, inserts: bool) -> None:
        """Show the rows for the line, again at each answer, until the line changes."""
        document, loop = self.buffer.document, asyncio.get_running_loop()
        deadline = loop.time() + _TIMEOUT
        while self._is_current(document):
            rows = await self._search(document)
            if rows is None or not self._is_current(document):
                return
            if inserts and not rows.waits and loop.time() < deadline and rows.becomes:
                self._insert(rows.becomes)
                if len(rows.shown) > 1:
                    self.open(inserts=False)
                return
            self._show(document, rows)
            if not rows.waits:
                return
            await self.answers.next()

    def _is_current(self, document: Document) -> bool:
        """Whether the line is unchanged, and the menu is still open."""
        state = self.buffer.complete_state
        if state is not self._shown:
            return False
        return state is not None or self.buffer.document == document

    async def _search(self, document: Document) -> Rows | None:
        """Return the rows for a document; None if too many searches are running."""
        if len(self._lookups) >= _MOST_LOOKUPS:
            return None
        looking = in_daemon_thread(self.completer.rows, document)
        self._lookups.add(looking)
        looking.add_done_callback(self._lookups.discard)
        await asyncio.wait([looking], timeout=_SHOW_SEARCH_AFTER)
        if not looking.done() and self._shown is None and self._is_current(document):
            self._show(document, Rows(waits=True))
        return await asyncio.shield(looking)

    def _insert(self, completion: Completion) -> None:
        self.buffer.complete_state = None
        self.buffer.apply_completion(completion)

    def _show(self, document: Document, rows: Rows) -> None:
        """Show rows in the menu; a selected row stays selected."""
        before = self.buffer.complete_state
        chosen = before.current_completion if before else None
        shown = [*rows.shown, waiting()] if rows.waits else rows.shown
        self._shown = None
        if shown:
            index = _place_of(chosen, shown) if chosen and chosen.text else None
            self._shown = CompletionState(document, shown, index)
        self.buffer.complete_state = self._shown
        self.buffer.on_completions_changed.fire()


def _place_of(chosen: Completion, shown: list[Completion]) -> int | None:
    return next((at for at, one in enumerate(shown) if one.text == chosen.text), None)
