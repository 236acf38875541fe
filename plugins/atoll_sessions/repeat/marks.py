"""Which cells of a text have changed since it was shown last."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

Spans = Sequence[tuple[int, int]]
"""Parts of a line, each from its first character to the one after its last."""
_COMPARED = 2000
"""Lines up to which inserted and removed ones are found; beyond, line N is compared with line N."""


def changed_spans(before: Sequence[str], now: Sequence[str]) -> dict[int, Spans]:
    """Return what has changed, by line of the text as it is now; lines without a change are absent.

    A line that was inserted is new as a whole, and leaves those below it as they are.
    """
    found: dict[int, Spans] = {}
    for first, old, new in _changed_blocks(before, now):
        for number, line in enumerate(new):
            spans = _within(old[number], line) if number < len(old) else [(0, len(line))]
            if spans:
                found[first + number] = spans
    return found


def _changed_blocks(
    before: Sequence[str], now: Sequence[str]
) -> Iterable[tuple[int, Sequence[str], Sequence[str]]]:
    """Yield lines that have changed: where they begin now, what they were, what they are."""
    if max(len(before), len(now)) > _COMPARED:
        yield 0, before, now
        return
    for tag, old, old_end, new, new_end in SequenceMatcher(
        None, before, now, autojunk=False
    ).get_opcodes():
        if tag in ("replace", "insert"):
            yield new, before[old:old_end], now[new:new_end]


def _within(before: str, now: str) -> Spans:
    """Return the runs of characters that differ from those at the same place before."""
    spans: list[tuple[int, int]] = []
    for place, char in enumerate(now):
        if place < len(before) and before[place] == char:
            continue
        if spans and spans[-1][1] == place:
            spans[-1] = spans[-1][0], place + 1
        else:
            spans.append((place, place + 1))
    return spans
