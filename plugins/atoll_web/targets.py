"""Requests of the page, with the path under which they are forwarded."""

from typing import Any

import h11


def retarget(request: h11.Request, target: str) -> h11.Request:
    """Return the same request for another target."""
    headers: Any = list(request.headers)
    return h11.Request(method=request.method, target=target.encode("ascii"), headers=headers)
