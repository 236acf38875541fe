"""Completion at the prompt: the rows of the menu, and the text that a choice inserts."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, field, frozen
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from atoll._records import Candidate
from atoll._shell.candidates import Candidates
from atoll._shell.cursor_place import CursorPlace, place
from atoll._shell.queries import Offer
from atoll._shell.recent import Recent
from atoll._shell.spelling import spell
from atoll.text import printable

_MOST = 200
"""The most rows that are shown; nobody reads more, and drawing them takes time."""
_NOT_BETWEEN = {"'": {"'"}, '"': {'"', "\\", "$"}}
"""What would need quotes of its own between quotes."""


@define
class Answers:
    """Wakes waiting code of the prompt when an answer has arrived, and when the line changes."""

    _waiting: set["asyncio.Future[None]"] = field(factory=set)

    def note(self) -> None:
        """Wake waiting code, since an answer has arrived or the line has changed."""
        for one in self._waiting:
            if not one.done():
                one.set_result(None)

    async def next(self) -> None:
        """Wait for the next answer or change."""
        one = asyncio.get_running_loop().create_future()
        self._waiting.add(one)
        try:
            await one
        finally:
            self._waiting.discard(one)


@frozen
class Rows:
    """The rows of the menu for a line.

    `becomes` is the text that Tab inserts without a choice: the common beginning of all candidates.
    It is None if that is not longer than the typed word. `waits` says that answers are still
    missing.
    """

    shown: list[Completion] = field(factory=list)
    becomes: Completion | None = None
    waits: bool = False


@frozen
class LineCompleter(Completer):
    """Completes commands, options and values from data that is already here; it never raises."""

    candidates: Candidates
    recent: Recent = field(factory=Recent)

    def parse(self, document: Document) -> tuple[CursorPlace, Offer]:
        """Return the place of the cursor, and the candidates there."""
        where = place(document.text_before_cursor, document.text_after_cursor)
        try:
            offer = self.candidates.at(where)
        except Exception:  # noqa: BLE001  # whatever is wrong with a command, typing goes on
            offer = Offer()
        return offer.where or where, offer

    def rows(self, document: Document) -> Rows:
        """Return the rows of the menu. Call it in a thread, since lists may be long and file
        systems slow.
        """
        where, offer = self.parse(document)
        waits = any(self.candidates.names.of(query) is None for query in offer.queries)
        found = self._found(where, offer)
        if [one.text for one in found] == [where.typed]:
            found = []  # the candidate is typed already
        shown = list(_spelled(where, found[:_MOST]))
        if len(found) > _MOST:
            shown.append(_remark(f"… {len(found) - _MOST} more: type more letters"))
        return Rows(shown, _becomes(where, found), waits)

    def get_completions(
        self, document: Document, _complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Return the candidates at the cursor, for prompt_toolkit."""
        where, offer = self.parse(document)
        return _spelled(where, self._found(where, offer))

    def _found(self, where: CursorPlace, offer: Offer) -> list[Candidate]:
        try:
            found = self.recent.first(offer.found)
            return [one for one in found if _fits(where, one)] if where.around else found
        except Exception:  # noqa: BLE001  # as in look()
            return []


def waiting() -> Completion:
    """Return the row for an answer that has not arrived yet; it inserts nothing."""
    return _remark("…")


def _remark(text: str) -> Completion:
    return Completion("", display=[("class:remark", text)])


def _spelled(where: CursorPlace, found: Iterable[Candidate]) -> Iterator[Completion]:
    # A path is shown without the folders that are typed already.
    known = where.typed.rpartition("/")[0]
    known = f"{known}/" if known else ""
    for one in found:
        yield Completion(
            _written(one.text, where),
            start_position=-len(where.raw),
            display=printable(one.text.removeprefix(known)),
            display_meta=printable(one.meta),
        )


def _fits(where: CursorPlace, one: Candidate) -> bool:
    """Whether a candidate can be written between the quotes around the line."""
    return not set(_written(one.text, where)) & _NOT_BETWEEN[where.around]


def _written(text: str, where: CursorPlace) -> str:
    # Inside quotes, it would not be a variable.
    return text if where.kind == "variable" else spell(text, where.piece, where.raw)


def _becomes(where: CursorPlace, found: list[Candidate]) -> Completion | None:
    """Return the common beginning of all candidates, if it is longer than what was typed."""
    if not where.typed and all(one.text.startswith("-") for one in found):
        return None  # options are offered for lack of values; none is begun
    spelled = [_written(one.text, where) for one in found]
    common = _common(spelled)
    # A single candidate is inserted even if it does not begin with what was typed.
    if common == where.raw or (len(found) != 1 and not common.startswith(where.raw)):
        return None
    return Completion(common, start_position=-len(where.raw))


def _common(texts: Sequence[str]) -> str:
    """Return the common beginning of texts."""
    first, last = min(texts, default=""), max(texts, default="")
    ends = (at for at, char in enumerate(first) if char != last[at])
    return first[: next(ends, len(first))]
