"""Suggests the rest of a line from the history."""

from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document


class NewestMatch(AutoSuggest):
    """Suggests the newest line that begins with the typed text.

    If the typed text becomes longer, no line that is newer than the last match can match. So the
    search continues from there, and each key is fast even with a long history.
    """

    def __init__(self) -> None:
        self._typed = ""
        self._at = 0
        """The position of the last match in the history, counted from the newest line."""
        self._count = 0

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """Return the suggested rest of the document's last line."""
        typed = document.text.rpartition("\n")[2]
        lines = buffer.history.get_strings()
        if not typed.strip():
            return None
        if len(lines) != self._count or not typed.startswith(self._typed):
            self._count, self._at = len(lines), 0
        self._typed = typed
        for at in range(self._at, len(lines)):
            if (rest := _rest(lines[-1 - at], typed)) is not None:
                self._at = at
                return Suggestion(rest)
        self._at = len(lines)
        return None


def _rest(entry: str, typed: str) -> str | None:
    """Return the text after `typed` in the last line of an entry, if that line begins with it."""
    if typed not in entry:
        return None
    found = (line for line in reversed(entry.splitlines()) if line.startswith(typed))
    line = next(found, None)
    return None if line is None else line[len(typed) :]
