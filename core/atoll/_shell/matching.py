"""Which candidates fit what was typed: they begin with it, or at least hold its letters."""

from collections.abc import Iterable, Sequence

from atoll._records import Candidate


def matches(typed: str, candidates: Iterable[Candidate]) -> Sequence[Candidate]:
    """Return the candidates that begin with what was typed, in their order.

    When none does, return those that hold its characters in order, the closest together first.
    """
    known = list(candidates)
    if found := [one for one in known if one.text.startswith(typed)]:
        return found
    spread = [(width, one) for one in known if (width := _spread(typed, one.text)) is not None]
    return [one for _, one in sorted(spread, key=lambda pair: pair[0])]


def _spread(typed: str, text: str) -> tuple[int, int] | None:
    """Return how many characters of `text` it takes to hold those typed, and where they begin."""
    typed, text = typed.lower(), text.lower()
    starts = [at for at, char in enumerate(text) if char == typed[0]]
    ends = [(end - at, at) for at in starts if (end := _end_of(typed, text, at))]
    return min(ends, default=None)


def _end_of(typed: str, text: str, start: int) -> int:
    at = start
    for char in typed:
        at = text.find(char, at) + 1
        if not at:
            return 0
    return at
