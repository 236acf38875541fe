"""The lines that were typed, kept in a file that only their owner can read.

One JSON object a line: `at`, seconds since 1970, and `line`, which may hold line breaks. All
prompts append to the same file, each entry under a lock.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prompt_toolkit.history import History

from atoll._commands import CommandTree, before_command
from atoll._paths import Paths
from atoll._private_files import make_private, write_atomic
from atoll._tokens import Token, scan, statements

_SLACK = 1.2
"""How far the file may outgrow its size before it is cut, which costs writing it anew."""


class LineHistory(History):
    """Loads the newest `size` lines, and stores those that are no secret."""

    def __init__(self, path: Path, size: int, tree: CommandTree) -> None:
        super().__init__()
        self.path = path
        self._size = max(size, 0)
        self._tree = tree

    def load_history_strings(self) -> Iterable[str]:
        """Return the stored lines, newest first."""
        entries = read_entries(self.path)
        if len(entries) > self._size * _SLACK:
            self._cut()
        return [entry["line"] for entry in entries[::-1][: self._size]]

    def append_string(self, string: str) -> None:
        """Remember a line, unless it begins with a space or holds a secret."""
        if not string.startswith(" ") and string.strip() and not holds_secret(string, self._tree):
            super().append_string(string)

    def store_string(self, string: str) -> None:
        """Append a line to the file; one that can't be written is remembered until the end."""
        entry = json.dumps({"at": round(time.time(), 3), "line": string}) + "\n"
        try:
            with self._locked():
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                with os.fdopen(os.open(self.path, flags, 0o600), "w") as file:
                    file.write(entry)
        except OSError:
            pass  # a home that can't be written makes for a short memory, not for a broken prompt

    def _cut(self) -> None:
        try:
            with self._locked():
                kept = read_entries(self.path)[-self._size :] if self._size else []
                write_atomic(self.path, "".join(json.dumps(entry) + "\n" for entry in kept))
        except OSError:
            pass  # as above

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private(self.path.parent)
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def history_file(paths: Paths) -> Path:
    """Return where the lines are kept."""
    return paths.state / "history.jsonl"


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Return the stored entries, oldest first: `at` in seconds since 1970, and `line`."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [entry for text in file if (entry := _entry(text))]
    except OSError:
        return []


def _entry(text: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(text)
        return {"at": float(entry["at"]), "line": str(entry["line"])}
    except (ValueError, KeyError, TypeError):
        return None  # half an entry, of a machine that went down while it was written


def holds_secret(text: str, tree: CommandTree) -> bool:
    """Whether a line gives a secret key, or runs a command whose record is marked `secret`."""
    return "--secret-key" in text or any(_is_secret(s, tree) for s in statements(scan(text)))


def _is_secret(tokens: list[Token], tree: CommandTree) -> bool:
    words = [token.value for token in tokens if token.kind == "word"]
    node = tree.root
    for word in words[before_command(words) :]:
        if not (below := node.child(word)):
            break
        node = below
    return node.provided is not None and node.provided.record.secret
