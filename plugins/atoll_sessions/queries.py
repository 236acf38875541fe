"""Sessions over the API: finding, listing and terminating them."""

import gc
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from atoll import AtollError, NotFound, Problem
from atoll.reading import maybe
from atoll_sessions import own_changes
from atoll_sessions.model import DEAD, Session

if TYPE_CHECKING:
    from atoll import Api

PAGE = 100
"""The most rows that the API returns at once."""
_CLEANUP_INTERVAL = 2000
"""After this many rows, garbage is collected."""
ALL = "ALL"
"""A value of `status` that means every status."""
_PAGE = {"compute_session_list": {"items": [Session.from_node], "total_count": int}}
_IMAGE = {"name": str, "registry": maybe(str), "tag": str, "aliases": maybe([str])}
_NEVER_EMPTY = {"id", "name", "status"}
_ALIVE = " & ".join(f'status != "{status}"' for status in DEAD)
_LIST = """
query($limit: Int!, $offset: Int!, $status: String, $key: String, $filter: String, $order: String) {
  compute_session_list(limit: $limit, offset: $offset, status: $status,
                       access_key: $key, filter: $filter, order: $order) {
    items { FIELDS } total_count
  }
}"""


async def list_sessions(  # noqa: PLR0913 - each is an argument of the API's own
    api: "Api",
    fields: Sequence[str],
    *,
    limit: int | None = None,
    offset: int = 0,
    status: str | None = None,
    filter: str | None = None,
    order: str | None = None,
    access_key: str | None = None,
    on_total: Callable[[int], None] = lambda _total: None,
) -> AsyncGenerator[Session]:
    """Yield sessions, page by page, most recent status change first unless `order` says otherwise.

    `status` is a comma-separated list of names, or `ALL`. Without it, all sessions that have not
    ended are listed; their statuses are not named in the request, since statuses differ by release
    and a manager refuses names that it does not know. `limit` None means all; the first `offset`
    sessions are skipped. `on_total` is called with the total number.
    """
    variables = {
        "status": None if status == ALL else status,
        "filter": filter if status else _both(_ALIVE, filter),
        "order": order,
        "key": access_key,
    }
    query = _LIST.replace("FIELDS", " ".join(dict.fromkeys(["id", *fields])))
    end = None if limit is None else offset + limit
    while end is None or offset < end:
        size = PAGE if end is None else min(PAGE, end - offset)
        span = {"limit": size, "offset": offset}
        page = (await api.gql(query, {**variables, **span}, like=_PAGE))["compute_session_list"]
        on_total(page["total_count"])
        for session in page["items"]:
            yield session
        offset += len(page["items"])
        if offset % _CLEANUP_INTERVAL == 0:
            # Automatic garbage collection is rare in this program, since starting leaves no
            # garbage. A long list does.
            gc.collect(0)
        if not page["items"] or offset >= page["total_count"]:
            return


def _both(first: str, second: str | None) -> str:
    return f"({first}) & ({second})" if second else first


async def get_session(api: "Api", session_id: str, fields: Sequence[str]) -> Session:
    """Return one session by its id; raises NotFound."""
    query = f"query($id: UUID!) {{ compute_session(id: $id) {{ {' '.join(fields)} }} }}"
    like = {"compute_session": maybe(partial(_named_session, {*fields} & _NEVER_EMPTY))}
    found: Session | None = (await api.gql(query, {"id": session_id}, like=like))["compute_session"]
    if found is None:
        raise NotFound(f"no session has the id {session_id}")
    return found


def _named_session(asked: Iterable[str], node: Mapping[str, Any]) -> Session:
    """Make the session of a node; fields on which waiting depends must not be missing."""
    for name in asked:
        if not node[name]:
            raise ValueError(f"{name} is empty")
    return Session.from_node(node)


async def find_session(
    api: "Api", reference: str, *, ended: bool = False, owner: str | None = None
) -> Session:
    """Find a session by its id, the start of its id, or its name.

    Raises NotFound when there is none, and, listing them, when there are several. With `ended`, if
    no living session is found, the one that ended last is returned. `owner` is the access key of
    the session's owner, if that is another user.

    Administrators see the sessions of all users. Their own come first. Without `ended`, only their
    own are found, since a cluster does nothing in the session of another user unless the request
    names that owner.
    """
    fields = ["id", "name", "status", "access_key"]
    key = owner or await api.access_key()
    if _is_uuid(reference):
        session = await get_session(api, reference, fields)
        return session if ended else _usable(session, key)
    by_name = f"name == {_quoted(reference)}"
    listed = partial(list_sessions, api, fields, access_key=owner)
    found = [session async for session in listed(filter=by_name, limit=PAGE)]
    if not found and _may_start_an_id(reference):
        start = reference.lower()
        found = [session async for session in listed() if session.id.startswith(start)]
    if not found:
        dead = ",".join(DEAD)
        found = [session async for session in listed(status=dead, filter=by_name, limit=1)]
    found = [session for session in found if session.access_key == key] or found
    if len(found) == 1:
        return found[0] if ended else _usable(found[0], key)
    if found:
        several = ", ".join(f"{session.id} ({session.name})" for session in found)
        raise NotFound(f"{reference!r} matches several sessions", hint=several)
    raise NotFound(f"no session has the name or id {reference!r}", hint="atoll ps lists them")


def _usable(session: Session, key: str) -> Session:
    """Return a session that this key may use; raises NotFound for any other session."""
    if session.status in DEAD:
        raise NotFound(f"session {session.name} has ended", hint=f"atoll info {session.name}")
    if key and session.access_key and session.access_key != key:
        hint = f"rm, restart and events take -o {session.access_key}"
        raise NotFound(f"session {session.name} belongs to another user", hint=hint)
    return session


async def find_running(api: "Api", reference: str) -> Session:
    """Find a running session; raises AtollError if the session does not run."""
    found = await find_session(api, reference)
    if not found.status.startswith("RUNNING"):
        raise AtollError(f"session {found.name} is {found.status}", hint=f"atoll wait {found.name}")
    return found


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _may_start_an_id(text: str) -> bool:
    return len(text) >= 4 and set(text.lower()) <= set("0123456789abcdef-")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


async def destroy(
    api: "Api",
    session: str,
    *,
    forced: bool = False,
    recursive: bool = False,
    owner: str | None = None,
) -> Any:
    """Terminate a session by id or name (`DELETE /session/{s}`); a pending one is cancelled.
    Returns its last statistics.

    With `recursive`, sessions that depend on it are terminated first; `others` is called with their
    number.
    """
    from atoll.urls import path

    own_changes.note(session, "end")
    params = {
        "forced": True if forced else None,
        "recursive": True if recursive else None,
        "owner_access_key": owner,
    }
    return await api.json("DELETE", path("session", session), params=params, like=_last_figures)


def _last_figures(answer: Any) -> dict[str, Any]:
    """Return the statistics in an answer: a map, or a list whose last entry is for the session
    itself.
    """
    if isinstance(answer, list):
        last = dict(answer[-1]) if answer else {}
        return {**dict(last.get("stats") or last), "others": max(0, len(answer) - 1)}
    return dict(dict(answer or {}).get("stats") or {})


async def read_file(api: "Api", session_id: str, path: str) -> bytes:
    """Return the content of a file in a running session; the path is relative to /home/work, and
    the file must be smaller than 1 MiB.

    Raises NotFound if it does not exist, AtollError if it is not a regular file.
    """
    from atoll_sessions.files.listing import fetch_archive, find_entry, in_home
    from atoll_sessions.files.unpack import Archive

    wanted = in_home(path)
    try:
        archive = Archive.read(wanted.name, await fetch_archive(api, session_id, wanted))
    except Problem:
        # Clusters use different words for this error, and do not distinguish a missing file from
        # others.
        await find_entry(api, session_id, wanted)
        raise
    if (content := archive.file_content()) is None:
        raise AtollError(f"{path} is not a file")
    return content


async def image_names(api: "Api") -> dict[str, str]:
    """Return a map of each name of an image to its full reference. Names are short names, aliases,
    and the reference itself.
    """
    query = "query { images { name registry tag aliases } }"
    data = await api.gql(query, like={"images": [_IMAGE]})
    names: dict[str, str] = {}
    for image in data["images"]:
        reference = f"{image['name']}:{image['tag']}"
        full = f"{image['registry']}/{reference}" if image.get("registry") else reference
        for name in (reference.rpartition("/")[2], reference, *(image["aliases"] or ()), full):
            names.setdefault(name, full)
    return names
