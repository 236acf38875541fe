"""API versions: finds out which one a cluster speaks and which one to announce, and caches both."""

import json
import re
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import frozen

from atoll._errors import AtollError
from atoll._private_files import write_atomic
from atoll._profiles import Profile

_FRESH_FOR = 3600.0
_PATTERN = re.compile(r"v([0-9]{1,4})\.([0-9]{8})")
_LONGEST_RELEASE = 40
_FOR_BROWSERS = "it has pages for browsers: atoll profile add NAME --endpoint URL --login may do"


@frozen(order=True)
class ApiVersion:
    """A version of the API, such as `v7.20230615`; they compare by number, then by date."""

    major: int
    date: str

    def __str__(self) -> str:
        return f"v{self.major}.{self.date}"

    @classmethod
    def parse(cls, text: object) -> "ApiVersion | None":
        """Parse a version; returns None for any other text."""
        match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
        return cls(int(match[1]), match[2]) if match else None


NEWEST = ApiVersion(9, "20250722")

# Every manager from 23.03 to 26.x accepts this version. With a higher one, a manager expects newer
# formats in the creation of sessions, which older managers answer with an error. So this version is
# announced to all of them, and other differences depend on the version that the manager reports.
ANNOUNCED = ApiVersion(7, "20230615")


@frozen
class Server:
    """What a cluster reports about itself at `GET /`: its API version, its manager's release, and
    the `features` that it has in addition to the API.
    """

    version: ApiVersion
    manager: str
    features: frozenset[str] = frozenset()

    @property
    def announced(self) -> ApiVersion:
        """The version that requests announce: ours, or that of an older server."""
        return min(self.version, ANNOUNCED)

    @property
    def spoken(self) -> ApiVersion:
        """The newest version that both sides know; it determines routes and formats."""
        return min(self.version, NEWEST)


def read_server(endpoint: str, status: int, body: bytes) -> Server:
    """Parse the answer to `GET /`; raises AtollError if it does not come from such an API."""
    try:
        content = json.loads(body)
        version = ApiVersion.parse(content["version"])
    except (ValueError, TypeError, LookupError, RecursionError):
        version = None
    if status != 200 or version is None:
        raise AtollError(
            f"{endpoint} does not answer like a Backend.AI API",
            hint=_FOR_BROWSERS if _is_page(body) else "check the endpoint's host, port and path",
        )
    release, features = content.get("manager"), content.get("features")
    return Server(
        version,
        release[:_LONGEST_RELEASE] if isinstance(release, str) else "",
        frozenset(map(str, features)) if isinstance(features, list) else frozenset(),
    )


def _is_page(body: bytes) -> bool:
    """Tell whether an answer is a web page."""
    start = body[:1000].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


class ServerCache:
    """Keeps servers on disk for an hour, which saves one-shot commands a round trip.

    Errors of reading and writing are ignored; the cluster is then queried again.
    """

    def __init__(self, folder: Path | None, profile: Profile) -> None:
        # Over another `via`, the same address may be that of another cluster.
        way = f"{profile.endpoint} {profile.via} {profile.transport}"
        name = sha256(way.encode()).hexdigest()[:32]
        self._file = folder / "servers" / f"{name}.json" if folder else None

    def load(self) -> Server | None:
        """Return the cached server unless it is too old."""
        if self._file is None:
            return None
        try:
            return _structure(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, server: Server) -> None:
        """Cache a server."""
        content = {
            "version": str(server.version),
            "manager": server.manager,
            "features": sorted(server.features),
            "at": time.time(),
        }
        if self._file is None:
            return
        try:
            write_atomic(self._file, json.dumps(content))
        except OSError:
            return

    def drop(self) -> None:
        """Remove the server from the cache."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def _structure(content: Any) -> Server | None:
    version = ApiVersion.parse(content["version"])
    age = time.time() - content["at"]
    # A negative age means that the clock was set back.
    if version is None or not 0 <= age < _FRESH_FOR:
        return None
    return Server(version, str(content["manager"]), frozenset(content["features"]))
