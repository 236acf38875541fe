"""Functions about URLs for core and the transports."""

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import quote, urlencode

from atoll._errors import UsageError

__all__ = ["is_loopback", "not_text", "path", "query_text"]


def path(*segments: str) -> str:
    """Join segments into a path, each percent-encoded: `path("a b", "c")` is `/a%20b/c`.

    Raises UsageError for a segment that is not text in UTF-8.
    """
    try:
        return "".join(f"/{_segment(segment)}" for segment in segments)
    except UnicodeEncodeError as error:
        raise not_text(error) from None


def _segment(text: str) -> str:
    # Clients, proxies and servers would all resolve segments of dots, so the dots are encoded.
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")


def query_text(pairs: Sequence[tuple[str, str]]) -> str:
    """Encode a query, with spaces as `%20`, since it is signed and must pass every proxy unchanged.

    Raises UsageError for a value that is not text in UTF-8.
    """
    try:
        return urlencode(pairs, quote_via=quote)
    except UnicodeEncodeError as error:
        raise not_text(error) from None


def not_text(error: UnicodeEncodeError) -> UsageError:
    """Return the message about bytes that are not UTF-8, which words and names of files may
    contain.
    """
    before = re.search(r"[\w./-]*\Z", error.object[: error.start])
    word = (before[0] if before else "") + error.object[error.start : error.end]
    return UsageError(f"{word!r} is not text in UTF-8, and can't be sent")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address, without brackets, means this machine."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
