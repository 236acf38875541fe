"""Finds the candidates that match a typed text: those that begin with it, or contain its
characters.
"""

import re
from collections.abc import Iterable, Sequence

from atoll._records import Candidate

_LONGEST = 100
"""Longer typed texts, in characters, are only compared with beginnings; nobody types such long
abbreviations.
"""


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
    # The lookahead finds the shortest match from each start; a first search without it tells
    # quickly whether there is a match at all.
    some = ".*?".join(map(re.escape, typed))
    any_case = re.IGNORECASE | re.DOTALL
    holds, each = re.compile(some, any_case).search, re.compile(f"(?=({some}))", any_case)
    near = [(_distance(each, one.text), one) for one in known if holds(one.text)]
    return [one for _, one in sorted(near, key=lambda pair: pair[0])]


def _distance(each: re.Pattern[str], text: str) -> tuple[int, bool, int]:
    """Return a sort key: the length of the shortest part that contains the typed characters,
    whether it begins within a word, and its position.
    """
    return min(
        (len(found[1]), text[at - 1 : at].isalnum(), at)
        for found in each.finditer(text)
        for at in [found.start()]
    )
