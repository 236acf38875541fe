"""The names that completion offers: a snapshot of what the cluster said last."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field

from atoll.paths import write_atomic
from atoll.profiles import Profile
from atoll.records import Candidate


@define
class Names:
    """A cluster's names by kind.

    `path` is where the names of the profile in use are kept for the next prompt; None while there
    is no profile.
    """

    path: Path | None = None
    _kinds: dict[str, Sequence[Candidate]] = field(factory=dict)

    def of(self, kind: str) -> Sequence[Candidate]:
        """Return the names of a kind, as far as they are known."""
        return self._kinds.get(kind, ())

    def learn(self, kind: str, found: Iterable[Candidate | str]) -> None:
        """Take what the cluster has said of a kind."""
        self._kinds[kind] = [Candidate(one) if isinstance(one, str) else one for one in found]

    def switch(self, cache: Path, profile: Profile) -> bool:
        """Turn to a profile's names, as earlier prompts left them; returns whether it changed."""
        path = cache / "names" / f"{_key(profile)}.json"
        if path == self.path:
            return False
        self.path = path
        self._kinds = _load(path)
        return True

    def save(self) -> None:
        """Keep the names for the next prompt; they can do without."""
        if self.path is None:
            return
        content = {
            kind: [[one.text, one.meta] for one in names] for kind, names in self._kinds.items()
        }
        with suppress(OSError):
            write_atomic(self.path, json.dumps(content))


def _key(profile: Profile) -> str:
    whose = f"{profile.endpoint}\n{profile.access_key}\n{profile.domain}\n{profile.group}"
    return f"{profile.name}-{hashlib.sha256(whose.encode()).hexdigest()[:12]}"


def _load(path: Path) -> dict[str, Sequence[Candidate]]:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {
            kind: [Candidate(str(text), str(meta)) for text, meta in names]
            for kind, names in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # a snapshot that can't be read is none
