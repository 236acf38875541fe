"""Finds the cells of a text that have changed since it was last shown."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

Spans = Sequence[tuple[int, int]]
"""Parts of a line: the index of the first character, and the index after the last one."""
_COMPARED = 2000
"""In longer texts, line N is compared with line N; inserted and removed lines are not searched
for.
"""


def changed_spans(before: Sequence[str], now: Sequence[str]) -> dict[int, Spans]:
    """Return the changed parts of the new text by line number; lines without a change are absent.

    An inserted line has changed as a whole; the lines below it count as unchanged.
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
    """Yield blocks of changed lines: the index of the first one now, the lines before, and the
    lines now.
    """
    if max(len(before), len(now)) > _COMPARED:
        yield 0, before, now
        return
    for tag, old, old_end, new, new_end in SequenceMatcher(
        None, before, now, autojunk=False
    ).get_opcodes():
        if tag in ("replace", "insert"):
            yield new, before[old:old_end], now[new:new_end]


def _within(before: str, now: str) -> Spans:
    """Return the runs of characters that differ from the characters at the same positions
    before.
    """
    spans: list[tuple[int, int]] = []
    for place, char in enumerate(now):
        if place < len(before) and before[place] == char:
            continue
        if spans and spans[-1][1] == place:
            spans[-1] = spans[-1][0], place + 1
        else:
            spans.append((place, place + 1))
    return spans
