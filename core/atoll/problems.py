"""Makes errors for refusals of the API: the class, one readable line, and a hint."""

import json
import re
from collections.abc import Mapping
from typing import Any

from atoll._errors import Problem, ProblemNotAuthorized, ProblemNotFound
from atoll._headers import retry_after, seconds_ahead
from atoll.reading import whole_number

__all__ = ["problem_from", "redirected"]

_CLASSES: dict[int, type[Problem]] = {
    401: ProblemNotAuthorized,
    403: ProblemNotAuthorized,
    404: ProblemNotFound,
    410: ProblemNotFound,
}
_HINTS = {
    "auth-failed": "check the access key and the secret key of the profile",
    "password-expired": "set a new password first",
    "generic-forbidden": "your account may not do this",
    "insufficient-privilege": "your account may not do this",
    "server-frozen": "an administrator has paused the cluster; try again later",
}
_NOT_SIGNED = "invalid-auth-params"
_CLOCK_ERROR = "date/time sync error"
_MOST_WORDS = 1000
# GraphQL answers HTTP 200 to requests that a role does not allow, and only 26.x adds a code to the
# message.
_FORBIDDEN = re.compile(r"(?i)forbidden|insufficient privilege|no permission|\bonly \w*admins?\b")


def problem_from(
    status: int, body: bytes, content_type: str = "", headers: Mapping[str, str] | None = None
) -> Problem:
    """Return the error for an answer of the API that is neither 2xx nor 3xx.

    The class depends on the status, since statuses differ less between releases than texts; scripts
    should use `type`. A body that is not a problem document, such as a proxy's HTML page, becomes a
    `generic-error`. `headers`, by lower-case name, give numbers for hints.
    """
    content = _content(body, content_type)
    kind = _kind(content)
    # Managers answer 400 if the date of a request is wrong; as with a 401, they have not accepted
    # the keys.
    chosen = ProblemNotAuthorized if kind == _NOT_SIGNED else _CLASSES.get(status, Problem)
    return chosen(
        _message(status, content, kind),
        hint=_hint(kind, status, content, headers or {}),
        status=status,
        type=kind,
        data=content.get("data"),
        retry_after=retry_after((headers or {}).get("retry-after", "")),
    )


def graphql_problem(errors: Any) -> Problem:
    """Return the error for the `errors` of a GraphQL answer: the message of the first, all in
    `data`.
    """
    errors = errors if isinstance(errors, list) and errors else [errors]
    first = errors[0]
    message = first.get("message") if isinstance(first, dict) else first
    text = _one_line(message) or "the cluster refused this without a reason"
    chosen: type[Problem] = Problem
    hint = ""
    if _FORBIDDEN.search(text):
        chosen, hint = ProblemNotAuthorized, _HINTS["generic-forbidden"]
    return chosen(text, hint=hint, status=400, type="graphql-error", data=errors)


def redirected(endpoint: str, status: int, headers: Mapping[str, str]) -> Problem:
    """Return the error for a redirect, which is not followed: that would send the request to
    another server.
    """
    location = _one_line(headers.get("location", "elsewhere"))
    return Problem(
        f"{endpoint} redirects to {location}",
        hint="if that is where the API lives, make it the profile's endpoint",
        status=status,
        type="redirect",
    )


def _content(body: bytes, content_type: str) -> dict[str, Any]:
    if "html" in content_type:
        return {}
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _kind(content: Mapping[str, Any]) -> str:
    return str(content.get("type") or "").rstrip("/").rpartition("/")[2] or "generic-error"


def _message(status: int, content: Mapping[str, Any], kind: str) -> str:
    title = _one_line(content.get("title")).rstrip(".")
    detail = _one_line(content.get("msg"))
    if kind == "graphql-error" and content.get("data"):
        return graphql_problem(content["data"]).message
    if kind == "invalid-api-params" and isinstance(content.get("data"), dict):
        detail = "; ".join(f"{key}: {_one_line(why)}" for key, why in content["data"].items())
    if title and detail and not detail.lower().startswith(title.lower()):
        return f"{title}: {detail}"
    return detail or title or f"the cluster answered with HTTP status {status}"


def _one_line(text: Any) -> str:
    return " ".join(str(text or "")[:_MOST_WORDS].split())


def _hint(kind: str, status: int, content: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    if _CLOCK_ERROR in str(content.get("msg", "")).lower():
        return _clock_hint(headers.get("date", ""))
    if status == 429:
        return _rate_hint(headers)
    if kind == "generic-error" and status >= 500:
        return "the answer came from a proxy or a broken server, not from the cluster's API"
    return _HINTS.get(kind, "")


def _clock_hint(date: str) -> str:
    ahead = seconds_ahead(date)
    if ahead is None:
        return "set this machine's clock"
    direction = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {_duration(abs(ahead))} {direction} the cluster's"


def _rate_hint(headers: Mapping[str, str]) -> str:
    if (wait := retry_after(headers.get("retry-after", ""))) is not None:
        return f"try again in {_duration(wait)}"
    limit = whole_number(headers.get("x-ratelimit-limit", ""))
    window = whole_number(headers.get("x-ratelimit-window", ""))
    if limit is not None and window is not None:
        return f"the keypair may send {limit} requests in any {_duration(window)}"
    return "try again later"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
