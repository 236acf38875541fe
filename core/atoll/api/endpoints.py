"""Small facts about URLs that core and the transports share."""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import quote, urlencode


def path(*segments: str) -> str:
    """Join segments into a path, each encoded whole: `path("a b", "c")` is `/a%20b/c`."""
    return "".join(f"/{_segment(segment)}" for segment in segments)


def _segment(text: str) -> str:
    # Dots alone would be resolved away as parts of the path by clients, proxies and servers alike.
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")


def query_text(pairs: Sequence[tuple[str, str]]) -> str:
    """Encode a query, spaces as `%20`, which is signed and must pass every proxy unchanged."""
    return urlencode(pairs, quote_via=quote)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address, without brackets, means this machine."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
