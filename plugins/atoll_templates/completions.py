"""Names for the prompt to complete."""

from collections.abc import Sequence

from atoll import Candidate
from atoll.api import Api
from atoll_templates.api import list_templates


async def templates(api: Api) -> Sequence[Candidate]:
    """Return the ids of templates, with their names."""
    return [Candidate(one.id, one.name) for one in await list_templates(api)]
