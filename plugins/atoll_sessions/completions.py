"""Names for the prompt to complete."""

from collections.abc import Sequence

from atoll import Candidate
from atoll.api import Api
from atoll_sessions.queries import image_names, list_sessions

_MOST = 1000


async def sessions(api: Api) -> Sequence[Candidate]:
    """Return the names of sessions that have not ended, with what they are."""
    found = list_sessions(api, ["name", "status", "image"], limit=_MOST)
    return [Candidate(s.name, f"{s.status} {s.image}") async for s in found]


async def images(api: Api) -> Sequence[Candidate]:
    """Return the names of images."""
    return [Candidate(name) for name in await image_names(api)]
