"""What `run` and `start` print about a session that was created, or did not start."""

from collections.abc import Sequence

from atoll import Context
from atoll.output import Column
from atoll_sessions.creation import Created, SessionRequest

_PEER = {
    "PENDING": "is enqueued for scheduling.",
    "SCHEDULED": "is scheduled and about to be started.",
    "TERMINATED": "is already terminated.",
    "TIMEOUT": "is still on the job queue.",
}
"""The words of Backend.AI's own client for a session that does not run."""


def show_created(
    context: Context, created: Created, request: SessionRequest, *, stays: bool = True
) -> None:
    """Print the state of the session."""
    _add_notes(context, created, request)
    words = _words(created, request, stays=stays)
    if message := context.output.words(words, _official_words(created)):
        context.output.note(message)
    _tell_trouble(context, created)


def show_started(
    context: Context, created: Created, request: SessionRequest, columns: Sequence[Column]
) -> None:
    """Print the same as the outcome of a command, and also the record if an output format was
    chosen.
    """
    _add_notes(context, created, request)
    shown = created if context.output.format else None
    words, official = _words(created, request, stays=True), _official_words(created)
    context.output.done(words, shown, columns, kind="session", official=official)
    _tell_trouble(context, created)


def _add_notes(context: Context, created: Created, request: SessionRequest) -> None:
    # Only a full name asks for a certain version; a short one accepts any.
    if ":" in request.image and created.served_by not in ("", request.image):
        context.output.note(f"{request.image} is served by {created.served_by}")
    if created.pretended:
        pretended = ", ".join(created.pretended)
        context.output.note(f"this cluster simulates part of these slots: {pretended}")


def _words(created: Created, request: SessionRequest, *, stays: bool) -> str:
    name = created.name
    if not created.created:
        return f"session {name} exists already and is used again"
    if created.status == "RUNNING":
        services = f" with {', '.join(created.services)}" if created.services else ""
        return f"session {name} is ready{services}"
    if created.status == "TIMEOUT":
        queued = " and stays queued" if stays else ""
        return f"session {name} has not started in {request.max_wait} s{queued}"
    if created.job_code == 0:
        return f"session {name} has ended: its job has succeeded"
    return "" if created.failed else f"session {name} is {created.status}"


def _official_words(created: Created) -> str:
    is_so = _PEER.get(created.status, "")
    if created.status == "RUNNING":
        is_so = "is created and ready." if created.created else "is already running and ready."
    return f"Session ID {created.name} {is_so}" if is_so else ""


def _tell_trouble(context: Context, created: Created) -> None:
    if created.created and created.trouble and created.status == "RUNNING":
        context.output.warn(
            f"the preparation of session {created.name} has failed: {created.trouble}"
            f" (atoll logs {created.name} shows more)"
        )
