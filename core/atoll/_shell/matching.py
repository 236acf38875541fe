"""Finds the candidates that match a typed text: they begin with it, or contain its letters."""

import re
from collections.abc import Iterable, Sequence

from atoll._records import Candidate

_LONGEST = 100
"""Characters up to which those in between are looked for: nobody abbreviates to more."""


def matches(typed: str, candidates: Iterable[Candidate]) -> Sequence[Candidate]:
    """Return the candidates that begin with the typed text, in their order.

    If none does, return those that contain its characters in this order; those whose characters are
    closest together come first, and those at the beginnings of words before others.
    """
    known = list(candidates)
    if found := [one for one in known if one.text.startswith(typed)]:
        return found
    if len(typed) > _LONGEST:
        return ()
    # A look ahead finds the shortest of each start; one alone tells quickly that there is none.
    some = ".*?".join(map(re.escape, typed))
    any_case = re.IGNORECASE | re.DOTALL
    holds, each = re.compile(some, any_case).search, re.compile(f"(?=({some}))", any_case)
    near = [(_distance(each, one.text), one) for one in known if holds(one.text)]
    return [one for _, one in sorted(near, key=lambda pair: pair[0])]


def _distance(each: re.Pattern[str], text: str) -> tuple[int, bool, int]:
    """Return a key to sort by: how many characters hold those typed, whether they begin within a
    word, and where they begin.
    """
    return min(
        (len(found[1]), text[at - 1 : at].isalnum(), at)
        for found in each.finditer(text)
        for at in [found.start()]
    )
