"""Completes names of templates at the prompt."""

from collections import Counter
from collections.abc import Sequence

from atoll import Api, Candidate
from atoll_templates.api import list_templates


async def templates(api: Api) -> Sequence[Candidate]:
    """Return the names of templates; if several have the same name, their ids."""
    found = await list_templates(api)
    counts = Counter(one.name for one in found)
    return [
        Candidate(one.name, one.image) if counts[one.name] == 1 else Candidate(one.id, one.name)
        for one in found
    ]
