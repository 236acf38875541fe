"""Completes names of sessions, images and files at the prompt."""

from collections.abc import Sequence

from atoll import Api, Candidate
from atoll.output import binary_size
from atoll_sessions.files.listing import in_home, list_folder
from atoll_sessions.queries import find_session, image_names, list_sessions

_MOST = 1000


async def sessions(api: Api) -> Sequence[Candidate]:
    """Return the names of sessions that have not ended, each with a short description."""
    found = list_sessions(api, ["name", "status", "image"], limit=_MOST)
    return [Candidate(s.name, f"{s.status} {s.image}") async for s in found]


async def images(api: Api) -> Sequence[Candidate]:
    """Return the names of images."""
    return [Candidate(name) for name in await image_names(api)]


async def files(api: Api, within: str, folder: str) -> Sequence[Candidate]:
    """Return the content of a folder of a session, with the sizes of files."""
    session = await find_session(api, within)
    found = await list_folder(api, session.id, in_home(folder or "."))
    above = f"{folder}/" if folder else ""
    return [
        Candidate(f"{above}{one.filename}", binary_size(one.size))
        if one.is_file
        else Candidate(f"{above}{one.filename}/")
        for one in found
    ]
