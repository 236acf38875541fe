"""What Tab offers at the prompt, put into words by the quotes that were begun."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

from attrs import define, field, frozen
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from atoll._shell.candidates import Candidates
from atoll._shell.place import Place, place
from atoll._shell.spelling import spell
from atoll._shell.wants import Offer

_PATIENCE = 2.0
"""Seconds that Tab waits for what nobody has told yet; keys are answered meanwhile."""


@define
class Answers:
    """Wakes who waits at the prompt for an answer: on each one, and when more is typed."""

    _waiting: set["asyncio.Future[None]"] = field(factory=set)

    def note(self) -> None:
        """Note that an answer has come, or that the line has changed."""
        for one in self._waiting:
            if not one.done():
                one.set_result(None)

    async def next(self, seconds: float) -> None:
        """Wait for the next of these, but no longer."""
        one = asyncio.get_running_loop().create_future()
        self._waiting.add(one)
        try:
            await asyncio.wait([one], timeout=seconds)
        finally:
            self._waiting.discard(one)


@frozen
class LineCompleter(Completer):
    """Completes commands, options and values; never asks anybody itself, and never fails.

    `current` returns the line as it is now; None where nobody answers while Tab waits.
    """

    candidates: Candidates
    answers: Answers = field(factory=Answers)
    current: Callable[[], Document] | None = None

    def look(self, document: Document) -> tuple[Place, Offer]:
        """Return where the cursor stands, and what may stand there."""
        where = place(document.text_before_cursor)
        try:
            return where, self.candidates.at(where)
        except Exception:  # noqa: BLE001  # whatever is wrong with a command, typing goes on
            return where, Offer()

    def get_completions(
        self, document: Document, _complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Return what may stand at the cursor, for prompt_toolkit."""
        where, offer = self.look(document)
        return self._spelled(document, where, offer)

    async def get_completions_async(
        self, document: Document, _complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Yield what may stand at the cursor, having waited a while for what is not known yet."""
        where, offer = self.look(document)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        while self._lacks(offer) and self.current and self.current() == document:
            if (left := deadline - loop.time()) <= 0:
                break
            await self.answers.next(left)
            where, offer = self.look(document)
        for one in self._spelled(document, where, offer):
            yield one

    def _lacks(self, offer: Offer) -> bool:
        return any(self.candidates.names.of(want) is None for want in offer.wants)

    def _spelled(self, document: Document, where: Place, offer: Offer) -> Iterator[Completion]:
        before = document.text_before_cursor
        raw = before[where.piece.start :] if where.piece else ""
        for one in offer.found:
            yield Completion(
                spell(one.text, where.piece, raw),
                start_position=-len(raw),
                display=one.text,
                display_meta=one.meta,
            )
