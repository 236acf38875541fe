"""What Tab offers at the prompt, put into words by the quotes that were begun."""

from collections.abc import Iterable, Sequence

from attrs import frozen
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from atoll._records import Candidate
from atoll._shell.candidates import Candidates
from atoll._shell.place import Place, place
from atoll._shell.spelling import spell


@frozen
class LineCompleter(Completer):
    """Completes commands, options and values; never asks the cluster, and never fails."""

    candidates: Candidates

    def look(self, document: Document) -> tuple[Place, Sequence[Candidate]]:
        """Return where the cursor stands, and what may stand there."""
        where = place(document.text_before_cursor)
        try:
            return where, list(self.candidates.at(where))
        except Exception:  # noqa: BLE001  # whatever a plugin's command does, typing goes on
            return where, ()

    def get_completions(
        self, document: Document, _complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Return what may stand at the cursor, for prompt_toolkit."""
        before = document.text_before_cursor
        where, found = self.look(document)
        raw = before[where.piece.start :] if where.piece else ""
        for one in found:
            yield Completion(
                spell(one.text, where.piece, raw),
                start_position=-len(raw),
                display=one.text,
                display_meta=one.meta,
            )
