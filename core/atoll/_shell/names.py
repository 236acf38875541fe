"""The names that completion offers: a snapshot of what the cluster said last."""

import hashlib
import json
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from atoll._private_files import write_atomic
from atoll._profiles import Profile
from atoll._records import Candidate

_MOST_SPOTS = 100


@frozen
class Spot:
    """A folder in something, of which a kind of name tells what lies there."""

    kind: str
    within: str
    folder: str


@define
class Names:
    """A cluster's names by kind, and by the spot where they lie.

    `folder` is where the names of the profile in use are kept for the next time; None while there
    is no profile. `spot` is the one that was looked at last, if that was what was looked for.
    """

    folder: Path | None = None
    spot: Spot | None = None
    _spots: dict[Spot, Sequence[Candidate]] = field(factory=dict)
    _kinds: dict[str, Sequence[Candidate]] = field(factory=dict)
    _learnt: set[str] = field(factory=set)

    def of(self, kind: str) -> Sequence[Candidate]:
        """Return the names of a kind, as far as they are known."""
        if kind not in self._kinds and self.folder is not None:
            self._kinds[kind] = _load(self.folder / f"{kind}.json")
        return self._kinds.get(kind, ())

    def at(self, spot: Spot) -> Sequence[Candidate]:
        """Return what lies at a spot, as far as it is known."""
        self.spot = spot
        return self._spots.get(spot, ())

    def learn_at(self, spot: Spot, found: Iterable[Candidate | str]) -> None:
        """Take what the cluster has said of a spot; those of long ago are forgotten."""
        if spot not in self._spots and len(self._spots) >= _MOST_SPOTS:
            del self._spots[next(iter(self._spots))]
        self._spots[spot] = _candidates(found)

    def learn(self, kind: str, found: Iterable[Candidate | str]) -> None:
        """Take what the cluster has said of a kind."""
        self._kinds[kind] = _candidates(found)
        self._learnt.add(kind)

    def age(self, kind: str) -> float:
        """Return how many seconds ago the names of a kind were kept."""
        if self.folder is None:
            return math.inf
        try:
            return time.time() - (self.folder / f"{kind}.json").stat().st_mtime
        except OSError:
            return math.inf

    def switch(self, cache: Path, profile: Profile) -> bool:
        """Turn to a profile's names, as they were kept; returns whether it changed."""
        folder = cache / "names" / _key(profile)
        if folder == self.folder:
            return False
        self.folder = folder
        self._kinds.clear()
        self._spots.clear()
        self._learnt.clear()
        return True

    def save(self) -> None:
        """Keep what was learnt for the next time; that can do without."""
        if self.folder is None:
            return
        for kind in self._learnt:
            content = [[one.text, one.meta] for one in self._kinds[kind]]
            with suppress(OSError):
                write_atomic(self.folder / f"{kind}.json", json.dumps(content))
        self._learnt.clear()


def _candidates(found: Iterable[Candidate | str]) -> Sequence[Candidate]:
    return [Candidate(one) if isinstance(one, str) else one for one in found]


def _key(profile: Profile) -> str:
    whose = f"{profile.endpoint}\n{profile.access_key}\n{profile.domain}\n{profile.group}"
    return f"{profile.name}-{hashlib.sha256(whose.encode()).hexdigest()[:12]}"


def _load(path: Path) -> Sequence[Candidate]:
    try:
        content: Sequence[Any] = json.loads(path.read_text(encoding="utf-8"))
        return [Candidate(str(text), str(meta)) for text, meta in content]
    except (OSError, ValueError, TypeError):
        return ()  # a snapshot that can't be read is none
