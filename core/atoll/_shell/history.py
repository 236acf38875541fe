"""The history of a prompt: the key Up goes back through it, and most of its lines are stored."""

import re
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from prompt_toolkit.history import History

from atoll._commands import CommandTree, before_command
from atoll._shell.daemon_threads import in_daemon_thread
from atoll._shell.entries import Entry, append, cut, read_entries
from atoll._shell.recent import Recent
from atoll._tokens import Token, command_words, scan, statements

_MOST_GROWTH = 1.2
"""By which factor the file may be larger than its size before it is cut; cutting rewrites the whole
file.
"""
_LEAST_LINES = 100
"""At least this many lines typed at this prompt can be reached by Up, whatever the history's
size.
"""
_SECRET = re.compile(
    r"\w*(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY)\w*=.+",
    re.IGNORECASE | re.DOTALL,
)
"""A word that gives a secret to a session, such as `TOKEN=x` after `-e`."""


@define
class _Writer:
    """Appends to the file in a thread, since a lock or a disk may block, but keys must be handled.

    Records that can't be written are written when the prompt ends.
    """

    path: Path
    _waiting: list[dict[str, Any]] = field(factory=list)
    _is_at_work: bool = False
    _lock: threading.Lock = field(factory=threading.Lock)
    _idle: threading.Event = field(factory=threading.Event)

    def put(self, record: dict[str, Any]) -> None:
        with self._lock:
            self._waiting.append(record)
            self._idle.clear()
            if not self._is_at_work:
                self._is_at_work = True
                threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while records := self._take():
            with suppress(OSError):
                append(self.path, records)

    def _take(self) -> list[dict[str, Any]]:
        with self._lock:
            records, self._waiting = self._waiting, []
            if not records:
                self._is_at_work = False
                self._idle.set()
            return records

    def flush(self, seconds: float) -> None:
        """Wait until everything is written, but no longer than this."""
        if self._is_at_work:
            self._idle.wait(seconds)


class LineHistory(History):
    """The newest `size` lines of the file; adds new lines, except secrets.

    It has the lines that other prompts had written at its start, until :meth:`read` is called
    again.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        tree: CommandTree,
        ignored: Sequence[str] = (),
        recent: Recent | None = None,
    ) -> None:
        super().__init__()
        self.path = path
        self._size = max(size, 0)
        self._tree = tree
        self._ignored = ignored
        self._recent = recent or Recent()
        self._writer = _Writer(path)
        self._lines: list[str] = []
        self._own: dict[str, Entry] = {}
        """The lines typed here, by id."""
        self._last = ""
        """The id of the line that is running."""
        self._is_read = False

    async def load(self) -> AsyncGenerator[str, None]:
        """Yield the lines, newest first, after they were read."""
        if not self._is_read:
            self._is_read = True
            await in_daemon_thread(self.read)
        for line in reversed(self._lines):
            yield line

    def read(self) -> int:
        """Read the file again, with the lines of other prompts; returns how many are new. Call it
        in a thread: it may block.
        """
        before = len(self._lines)
        entries = read_entries(self.path)
        if len(entries) > self._size * _MOST_GROWTH:
            with suppress(OSError):
                cut(self.path, self._size)
        own = [one.line for one in self._own.values()]
        others = [one.line for one in entries if one.id not in self._own]
        self._lines = [*others[-self._size :], *own] if self._size else own
        self._recent.note(self._lines)
        return max(len(self._lines) - before, 0)

    def entries(self) -> list[Entry]:
        """Return all lines of all prompts, oldest first. Call it in a thread."""
        stored = read_entries(self.path)
        known = {one.id for one in stored}
        return stored + [one for one in self._own.values() if one.id not in known]

    def get_strings(self) -> list[str]:
        """Return the lines, oldest first."""
        return self._lines

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines, newest first."""
        self.read()
        return reversed(self._lines)

    def append_string(self, string: str) -> None:
        """Add a line, unless it begins with a space, is one of the ignored lines, or contains a
        secret.
        """
        self._last = ""
        if self._is_kept(string):
            self._lines.append(string)
            self._recent.note([string])
            self.store_string(string)
            self._let_go()

    def _let_go(self) -> None:
        """Drop all but the newest lines, since a prompt may be open for weeks."""
        most = max(self._size, _LEAST_LINES)
        if len(self._own) > most * _MOST_GROWTH:
            for old in list(self._own)[:-most]:
                del self._own[old]
        if len(self._lines) > most * _MOST_GROWTH:
            self._lines = self._lines[-most:]

    def store_string(self, string: str) -> None:
        """Write a line to the file, in the background."""
        entry = Entry(time.time(), string, secrets.token_hex(6), _folder())
        self._own[entry.id], self._last = entry, entry.id
        self._writer.put(entry.written())

    def record_end(self, exit_code: int, seconds: float) -> None:
        """Record how the last line has ended."""
        if entry := self._own.get(self._last):
            self._own[entry.id] = evolve(entry, exit_code=exit_code, seconds=seconds)
            self._writer.put({"id": entry.id, "code": exit_code, "took": round(seconds, 3)})

    def flush(self, seconds: float) -> None:
        """Wait until everything is written, but no longer than this. Call it in a thread."""
        self._writer.flush(seconds)

    def _is_kept(self, line: str) -> bool:
        if line.startswith(" ") or not line.strip():
            return False
        ignored = any(fnmatchcase(line.strip(), pattern) for pattern in self._ignored)
        return not ignored and not holds_secret(line, self._tree)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # the folder was deleted
        return ""


def holds_secret(text: str, tree: CommandTree) -> bool:
    """Whether a line contains a secret key, sets a variable whose name means a secret, or runs a
    command whose record is marked `secret`.
    """
    return "--secret-key" in text or any(_is_secret(s, tree) for s in statements(scan(text)))


def _is_secret(tokens: list[Token], tree: CommandTree) -> bool:
    words = command_words(tokens)
    if any(_SECRET.fullmatch(word) for word in words):
        return True
    node = tree.root
    for word in words[before_command(words) :]:
        if not (below := node.child(word)):
            break
        node = below
    return node.provided is not None and node.provided.record.secret
