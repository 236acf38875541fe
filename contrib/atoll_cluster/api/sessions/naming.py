"""Find a session of a keypair by its full id, otherwise by its exact name."""

from atoll_cluster.api.request.call import Call
from atoll_cluster.api.request.problems import Problem, not_found
from atoll_cluster.store.records import Session


def named_session(call: Call, *, dead: bool = False) -> Session:
    """Return the session that `{s}` in the path names; raises Problem 404 for none or several.

    With `dead`, if no living session has this name, the last one that ended is returned.
    """
    reference = call.path("s")
    sessions = call.cluster.store.sessions
    access_key = call.owner.access_key
    found = sessions.find(reference, access_key)
    if not found and dead:
        found = sessions.find(reference, access_key, dead=True)[-1:]
    return only(found, reference)


def only(found: list[Session], reference: str) -> Session:
    """Return the single session that was found; raises Problem 404 otherwise."""
    if not found:
        raise not_found("session", f"no session {reference!r}")
    if len(found) > 1:
        matches = [
            {"id": s.id, "name": s.name, "status": s.status, "created_at": s.created_at}
            for s in found
        ]
        raise Problem(
            404,
            "too-many-sessions-matched",
            "Too many sessions matched.",
            f"{len(found)} sessions match {reference!r}",
            {"matches": matches},
        )
    return found[0]
