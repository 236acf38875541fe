"""Requests of the page, as they are meant where they are sent on to."""

from typing import Any

import h11


def retarget(request: h11.Request, target: str) -> h11.Request:
    """Return a request for another target, else the same."""
    headers: Any = list(request.headers)
    return h11.Request(method=request.method, target=target.encode("ascii"), headers=headers)
