"""The list of items that the program could not finish and has put aside; it is kept on disk.

An item stays in the list until its work succeeds or an administrator removes it. The list is a
separate file, because it must be readable if the store is not, and because `atoll local status`
reads it while no program runs.
"""

import json
import logging
from pathlib import Path
from typing import Any, Literal

from attrs import asdict, define, field, frozen

from atoll_cluster import clock
from atoll_cluster.paths import write_private

_log = logging.getLogger(__name__)

_MOST = 1000
"""The most items in the list; further ones are only logged."""
_LONGEST_FILE = 4 * 1024 * 1024

What = Literal["session", "kernel", "kernel folder", "folder", "deleted folder", "image"]


class NeedsAdmin(Exception):
    """Only an administrator can decide about an item; the text says why."""


@frozen
class Item:
    """An item that can be put aside; `name` is its id, or, for a folder, its name on disk."""

    what: What
    name: str

    def __str__(self) -> str:
        """Return the kind and the name of the item, for the log."""
        return f"{self.what} {self.name}"


@frozen
class Entry:
    """An item, the reason in a form for users, and the time when it was put aside first."""

    item: Item
    reason: str
    since: str

    def as_json(self) -> dict[str, str]:
        """Return one map with `what`, `name`, `reason` and `since`."""
        return asdict(self.item) | {"reason": self.reason, "since": self.since}


@define
class PutAside:
    """The list, and its file at `path`."""

    path: Path
    _entries: dict[Item, Entry] = field(factory=dict)

    @classmethod
    def read(cls, path: Path) -> "PutAside":
        """Read the list; an invalid file is read as an empty list."""
        return cls(path, {entry.item: entry for entry in _read(path)})

    @property
    def entries(self) -> list[Entry]:
        """All entries, the oldest first."""
        return list(self._entries.values())

    def add(self, item: Item, reason: str) -> None:
        """Add an item, or update its reason."""
        known = self._entries.get(item)
        if known is None and len(self._entries) >= _MOST:
            _log.error("%s is not put aside: the list is full", item)
            return
        self._entries[item] = Entry(item, reason, known.since if known else clock.now())
        self._write()

    def remove(self, item: Item) -> None:
        """Remove an item: it is finished or no longer needed."""
        if self._entries.pop(item, None):
            self._write()

    def _write(self) -> None:
        try:
            write_private(self.path, json.dumps([one.as_json() for one in self.entries]) + "\n")
        except OSError as error:
            _log.warning("the list of what is put aside cannot be written: %s", error)


def _read(path: Path) -> list[Entry]:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_LONGEST_FILE))
        return [_entry(one) for one in content]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        _log.warning("%s cannot be read: %s", path, error)
        return []


def _entry(values: dict[str, Any]) -> Entry:
    item = Item(values["what"], str(values["name"]))
    return Entry(item, str(values["reason"]), str(values["since"]))
