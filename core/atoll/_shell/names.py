"""A snapshot of names for completion, in memory and on disk."""

import hashlib
import json
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field

from atoll._private_files import write_atomic
from atoll._profiles import Profile
from atoll._program import Program
from atoll._records import Candidate
from atoll._shell.queries import NamesOf, Query, ValuesOf
from atoll.hookspecs import COMPLETIONS

_MOST_PASSING = 100
"""How many answers are remembered, apart from the names of whole kinds."""


def names_of(program: Program) -> "Names":
    """Return the names that are stored on disk for a program."""
    records = [one.record for one in program.registry.collect(COMPLETIONS)]
    local = frozenset(record.kind for record in records if record.needs == "context")
    return Names(here=program.paths.cache / "names" / "-", local=local)


@define
class Names:
    """The answers to questions of completion.

    `folders` maps profiles to the folders that store the names of their clusters; the key is the
    profile's name, empty for the profile in use. A profile has no folder before it is known. The
    names of kinds in `local`, which do not come from a cluster, are stored in `here`.
    """

    folders: dict[str, Path] = field(factory=dict)
    here: Path | None = None
    local: frozenset[str] = frozenset()
    _kinds: dict[NamesOf, Sequence[Candidate]] = field(factory=dict)
    _passing: dict[Query, Sequence[Candidate]] = field(factory=dict)
    _learnt: set[NamesOf] = field(factory=set)

    def of(self, query: Query) -> Sequence[Candidate] | None:
        """Return the answer to a question; None if there is none yet."""
        if not isinstance(query, NamesOf):
            return self._passing.get(query)
        if query not in self._kinds and (file := self._file(query)) is not None:
            kept = _load(file)
            if kept is not None:
                self._kinds[query] = kept
        return self._kinds.get(query)

    def learn(self, query: Query, found: Sequence[Candidate]) -> None:
        """Store an answer. Of those that are not names of a whole kind, the oldest is dropped."""
        if isinstance(query, NamesOf):
            self._kinds[query] = found
            self._learnt.add(query)
            return
        if query not in self._passing and len(self._passing) >= _MOST_PASSING:
            del self._passing[next(iter(self._passing))]
        self._passing[query] = found

    def miss(self, query: Query) -> None:
        """Record that no answer will come, so that the menu does not wait for it; an earlier answer
        is kept.
        """
        if self.of(query) is not None:
            return
        if isinstance(query, NamesOf):
            self._kinds[query] = ()
        else:
            self.learn(query, ())

    def age(self, query: NamesOf) -> float:
        """Return how many seconds ago the names of a kind were stored."""
        file = self._file(query)
        try:
            return math.inf if file is None else time.time() - file.stat().st_mtime
        except OSError:
            return math.inf

    def switch(self, cache: Path, profile: Profile, name: str = "") -> bool:
        """Change to the stored names of a profile; returns whether that is another profile."""
        folder = cache / "names" / _key(profile)
        if folder == self.folders.get(name):
            return False
        self.forget(name)
        self.folders[name] = folder
        return True

    def forget(self, name: str = "") -> None:
        """Drop the names of a profile until its cluster is known again."""
        self.folders.pop(name, None)
        self._kinds = {w: found for w, found in self._kinds.items() if not self._is_of(w, name)}
        self._learnt = {query for query in self._learnt if not self._is_of(query, name)}
        self._passing = {w: found for w, found in self._passing.items() if not self._is_of(w, name)}

    def save(self) -> None:
        """Write new answers to disk; nothing happens if that fails."""
        learnt, self._learnt = self._learnt, set()
        for query in learnt:
            content = [[one.text, one.meta] for one in self._kinds.get(query, ())]
            if (file := self._file(query)) is not None:
                with suppress(OSError):
                    write_atomic(file, json.dumps(content))

    def _file(self, query: NamesOf) -> Path | None:
        folder = self.here if self._is_local(query) else self.folders.get(query.profile)
        return None if folder is None else folder / f"{query.kind}.json"

    def _is_of(self, query: Query, name: str) -> bool:
        """Whether an answer comes from the cluster of this profile."""
        return not self._is_local(query) and query.profile == name

    def _is_local(self, query: Query) -> bool:
        # The result of a parameter's own completion does not depend on the profile in use.
        return isinstance(query, ValuesOf) or query.kind in self.local


def _key(profile: Profile) -> str:
    whose = f"{profile.endpoint}\n{profile.access_key}\n{profile.domain}\n{profile.group}"
    return f"{profile.name}-{hashlib.sha256(whose.encode()).hexdigest()[:12]}"


def _load(path: Path) -> Sequence[Candidate] | None:
    try:
        content: Sequence[Any] = json.loads(path.read_text(encoding="utf-8"))
        return [Candidate(str(text), str(meta)) for text, meta in content]
    except (OSError, ValueError, TypeError, RecursionError):
        return None  # an unreadable snapshot is ignored
