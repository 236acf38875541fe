"""Stores failures of plugins in the background: in completion and in tasks of the prompt.

`plugins` and `doctor` show them, in the prompt and in other processes. Each failure is a small file
in the cache; it is removed when the same thing succeeds.
"""

import hashlib
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from attrs import asdict, define, frozen

from atoll._errors import AtollError
from atoll._paths import Paths
from atoll._plugins import Origin, PluginError
from atoll._private_files import write_atomic
from atoll.output import age

_LIFETIME = 86_400.0
"""Seconds after which a failure is no longer shown."""
_MOST = 100


@frozen
class Failure:
    """The last failure of one thing that a plugin does.

    `at` is in seconds since 1970; `expected` says that the plugin raised an
    :class:`~atoll.AtollError`.
    """

    plugin: str
    what: str
    at: float
    expected: bool = False

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.at, UTC).isoformat()
        return f"{self.what} ({age(when)} ago)"


@define
class Failures:
    """The stored failures, in a folder."""

    folder: Path

    @classmethod
    def of(cls, paths: Paths) -> "Failures":
        """Return the store in the cache of these paths."""
        return cls(paths.cache / "failures")

    def note(self, origin: Origin, doing: str, error: AtollError) -> None:
        """Store a failure; nothing happens if the cache can't be written."""
        expected = not isinstance(error, PluginError)
        what = error.what if isinstance(error, PluginError) else f"{doing}: {error.message}"
        failure = Failure(origin.name, what, time.time(), expected)
        with suppress(OSError):
            write_atomic(self._file(origin, doing), json.dumps(asdict(failure)))

    def clear(self, origin: Origin, doing: str) -> None:
        """Remove a failure after a success."""
        with suppress(OSError):
            self._file(origin, doing).unlink()

    def all(self) -> list[Failure]:
        """Return the failures of the last day, the latest first."""
        found = [failure for file in self._files() if (failure := _read(file))]
        return sorted(found, key=lambda failure: -failure.at)

    def _files(self) -> list[Path]:
        try:
            return sorted(self.folder.glob("*.json"))[:_MOST]
        except OSError:
            return []

    def _file(self, origin: Origin, doing: str) -> Path:
        key = hashlib.sha256(f"{origin.name}\n{doing}".encode()).hexdigest()[:16]
        return self.folder / f"{key}.json"


def _read(file: Path) -> Failure | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        failure = Failure(
            str(content["plugin"]),
            str(content["what"]),
            float(content["at"]),
            bool(content["expected"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None  # the file is incomplete
    return failure if time.time() - failure.at < _LIFETIME else None
