"""Who may use the proxy of the API: programs here, and pages of this machine, but no other page.

A browser lets any page send requests to any address. So a page anywhere could act with the keys
of the user who looks at it, if the proxy did not look at where requests come from.
"""

from urllib.parse import urlsplit

import h11

from atoll.api.endpoints import is_loopback


def refusal(request: h11.Request) -> str:
    """Return why a request is refused, empty if it is not."""
    fields = dict(request.headers)
    host = fields.get(b"host", b"").decode("latin-1")
    if not _is_here(f"//{host}"):
        # A name that somebody had point to this machine, to be the same site as their page.
        return "The host is not this machine."
    if b"origin" in fields and not allowed_origin(request):
        return "Pages of other sites may not use this."
    return ""


def allowed_origin(request: h11.Request) -> str:
    """Return the origin of a page of this machine that asks, empty if none does."""
    origin = dict(request.headers).get(b"origin", b"").decode("latin-1")
    return origin if origin and _is_here(origin) else ""


def _is_here(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
