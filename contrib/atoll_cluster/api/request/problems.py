"""The errors of the API, as `application/problem+json` with a stable `type`."""

import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from atoll_cluster.store.errors import StoreBusy, StoreError, StoreUnavailable

_PREFIX = "https://api.backend.ai/probs/"
_RETRY_IF_BUSY, _RETRY_IF_UNAVAILABLE = 1, 5
"""Seconds after which clients should try again: for a locked database, and for other errors."""


class Problem(Exception):
    """An error answer; `msg` is for people, `kind` for programs."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        msg: str | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(msg or title)
        self.status = status
        self.kind = kind
        self.title = title
        self.msg = msg
        self.data = data
        self.headers = headers

    def response(self) -> Response:
        """Return the HTTP answer."""
        body = {"type": _PREFIX + self.kind, "title": self.title}
        extra = {"msg": self.msg, "data": self.data}
        body |= {key: value for key, value in extra.items() if value is not None}
        return Response(
            json.dumps(body),
            status_code=self.status,
            headers=self.headers,
            media_type="application/problem+json",
        )


def _after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(seconds))}


def bad_request(msg: str) -> Problem:
    """Return 400 for an invalid request."""
    return Problem(400, "generic-bad-request", "Bad request.", msg)


def invalid_params(msg: str, data: Any = None) -> Problem:
    """Return 400 for parameters that are missing or wrong; `data` maps fields to reasons."""
    return Problem(400, "invalid-api-params", "Missing or invalid API parameters.", msg, data)


def invalid_auth(msg: str, status: int = 400) -> Problem:
    """Return 400 for an invalid signature, date or header."""
    title = "Missing or invalid authorization parameters."
    return Problem(status, "invalid-auth-params", title, msg)


def unauthorized(msg: str = "Unauthorized access") -> Problem:
    """Return 401: the caller is not authenticated."""
    return Problem(401, "auth-failed", "Credential/signature mismatch.", msg)


def forbidden(msg: str) -> Problem:
    """Return 403: the caller is not permitted."""
    return Problem(403, "generic-forbidden", "Forbidden operation.", msg)


def not_found(what: str, msg: str | None = None, data: Any = None) -> Problem:
    """Return 404 for an object of the API (`session`, `environment image`, …)."""
    return Problem(404, "object-not-found", f"No such {what}.", msg, data)


def quota_exceeded(msg: str) -> Problem:
    """Return 412: the policy allows no more."""
    return Problem(412, "quota-exceeded", "You have reached your resource limit.", msg)


def rate_limited(wait: float) -> Problem:
    """Return 429: too many requests in 15 minutes; the next is allowed in `wait` seconds."""
    title = "You have reached your API query rate limit."
    return Problem(429, "rate-limit-exceeded", title, headers=_after(wait))


def too_many_attempts(wait: float) -> Problem:
    """Return 429: too many wrong secrets; the next attempt is allowed in `wait` seconds."""
    msg = f"Too many attempts; try again in {math.ceil(wait)} seconds."
    return Problem(429, "too-many-requests", "Too many requests.", msg, headers=_after(wait))


def unavailable(msg: str) -> Problem:
    """Return 503: try again later."""
    return Problem(503, "service-unavailable", "Service unavailable.", msg)


def kernel_failed(msg: str) -> Problem:
    """Return 500: the kernel has failed or ended."""
    return Problem(500, "kernel-execution-failed", "Kernel execution has failed.", msg)


def url_not_found(path: str) -> Problem:
    """Return 404 for an unknown path."""
    return Problem(404, "url-not-found", "Unknown URL path.", data=path)


def method_not_allowed() -> Problem:
    """Return 405 for an unsupported method."""
    return Problem(405, "method-not-allowed", "HTTP Method Not Allowed.")


def store_failed(error: StoreError) -> Problem:
    """Return 503 if a later request may succeed, otherwise 500; the store changed nothing."""
    if not isinstance(error, StoreUnavailable):
        advice = "run atoll local down, then atoll local up, which keeps a copy and says what to do"
        msg = f"{error}; {advice}"
        return Problem(500, "internal-server-error", "Internal server error.", msg)
    again = _RETRY_IF_BUSY if isinstance(error, StoreBusy) else _RETRY_IF_UNAVAILABLE
    return Problem(
        503,
        "store-unavailable",
        "Service unavailable.",
        f"{error}; nothing was done",
        headers=_after(again),
    )


def internal_error() -> Problem:
    """Return 500; details are in the program's log only."""
    return Problem(
        500,
        "internal-server-error",
        "Internal server error.",
        "This is an error in the cluster; its log has details.",
    )
