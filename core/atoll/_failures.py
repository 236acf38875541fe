"""What plugins have failed at when nobody had asked them: in completion and beside the prompt.

`plugins` and `doctor` tell of it, in the prompt and in other programs: each failure is a small file
in the cache, which goes when the same thing has gone well.
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

_KEPT = 86_400.0
"""Seconds after which a failure is forgotten."""
_MOST = 100


@frozen
class Failure:
    """The last failure of one thing that a plugin does.

    `at` is in seconds since 1970; `expected` tells that the plugin said so itself, by an
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
    """The failures of late, in a folder."""

    folder: Path

    @classmethod
    def of(cls, paths: Paths) -> "Failures":
        """Return those that a home's cache holds."""
        return cls(paths.cache / "failures")

    def note(self, origin: Origin, doing: str, error: AtollError) -> None:
        """Remember that a plugin has failed at something; a home that can't be written forgets."""
        expected = not isinstance(error, PluginError)
        what = error.what if isinstance(error, PluginError) else f"{doing}: {error.message}"
        failure = Failure(origin.name, what, time.time(), expected)
        with suppress(OSError):
            write_atomic(self._file(origin, doing), json.dumps(asdict(failure)))

    def clear(self, origin: Origin, doing: str) -> None:
        """Forget a failure, since the same thing has gone well."""
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
        return None  # half a file is none
    return failure if time.time() - failure.at < _KEPT else None
