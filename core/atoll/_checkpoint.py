"""Records which statements of a script are done, so that the script can be continued later.

The file has one JSON object a line. The first holds the digest of the script; each of the others
describes a statement that has succeeded: its number from 0, its line, and what it has changed for
the following ones: variables, the folder, the profile, and how many jobs run at a time.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from attrs import define, field

from atoll._errors import AtollError
from atoll._private_files import open_private
from atoll._program import Program
from atoll._variables import Value, Values

_KIND = "atoll checkpoint"


@define
class Checkpoint:
    """The statements of a script that are done, by their numbers from 0.

    All methods read or write files; the properties do not.
    """

    path: Path
    program: Program
    done: set[int] = field(factory=set)
    last_line: int = 0
    is_complete: bool = False
    _file: IO[str] | None = None
    _stored: dict[str, Values] = field(factory=dict)
    """The variables as they are in the file."""
    jobs_limit: int = 0
    _place: tuple[str, str, int] = ("", "", 0)
    """Folder, profile and limit of jobs as they are in the file."""

    @classmethod
    def open(cls, path: Path, program: Program, script: str, *, resume: bool) -> "Checkpoint":
        """Begin a script, or continue one. Raises AtollError if the file belongs to another script,
        or if it exists but the script is not to be continued.
        """
        digest = hashlib.sha256(script.encode("utf-8", "surrogateescape")).hexdigest()
        # The path is absolute, since the script may change the folder.
        checkpoint = cls(path.absolute(), program)
        head, records = _read(path)
        if head is not None and resume:
            if head.get("script") != digest:
                raise AtollError(
                    f"the script has changed since {path} was written",
                    hint="delete that file to run the script from its first line",
                )
            checkpoint._take(records)
        elif head is not None and not (records and records[-1].get("complete")):
            raise AtollError(
                f"{path} belongs to a script that has not finished",
                hint="--resume continues it; delete that file to begin again",
            )
        goes_on = head is not None and resume
        checkpoint._begin({"kind": _KIND, "script": digest}, goes_on=goes_on)
        return checkpoint

    def _take(self, records: list[dict[str, Any]]) -> None:
        """Restore everything as it was after the last statement that is done."""
        for record in records:
            self.is_complete = bool(record.get("complete"))
            self.done.add(record.get("statement", -1))
            self.last_line = record.get("line", self.last_line)
            for name, values in record.get("variables", {}).items():
                self._stored[name] = _values(values)
            if "folder" in record:
                self._place = record["folder"], record["profile"], record["jobs_limit"]
        self.program.variables.kept.update(self._stored)
        folder, profile, self.jobs_limit = self._place
        if folder:
            try:
                os.chdir(folder)
            except OSError as error:
                raise AtollError(f"{folder}: {error.strerror}") from None
        if profile and profile != self.program.target.name:
            self.program.target.change_to(profile)

    def _begin(self, head: dict[str, Any], *, goes_on: bool) -> None:
        flags = os.O_APPEND if goes_on else os.O_TRUNC
        try:
            self._file = os.fdopen(open_private(self.path, flags), "a", encoding="utf-8")
        except OSError as error:
            raise AtollError(f"{self.path}: {error.strerror}") from None
        # If the machine has crashed, the last line may be incomplete.
        if goes_on:
            self._file.write("\n")
        else:
            self._write(head)

    def note(self, number: int, line: int, jobs_limit: int) -> None:
        """Record that a statement has succeeded."""
        record: dict[str, Any] = {"statement": number, "line": line}
        kept = self.program.variables.kept
        changed = {name: one for name, one in kept.items() if self._stored.get(name) is not one}
        if changed:
            record["variables"] = {name: _stored(values) for name, values in changed.items()}
            self._stored.update(changed)
        place = _folder(), self.program.target.name, jobs_limit
        if place != self._place:
            self._place = place
            record["folder"], record["profile"], record["jobs_limit"] = place
        self._write(record)

    def _write(self, record: Mapping[str, Any]) -> None:
        assert self._file is not None  # noqa: S101  # it was opened
        try:
            self._file.write(f"{json.dumps(record)}\n")
            self._file.flush()
        except OSError as error:
            raise AtollError(f"{self.path}: {error.strerror}") from None

    def close(self, *, complete: bool) -> None:
        """Record whether the script has finished, and close the file."""
        assert self._file is not None  # noqa: S101  # it was opened
        with self._file:
            if complete:
                self._write({"complete": True})


def _folder() -> str:
    with suppress(OSError):  # it was deleted
        return os.getcwd()  # noqa: PTH109  # it is stored as a text
    return ""


def _read(path: Path) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return the first object of a file, and the others; the first is None if there is no file
    yet.
    """
    if path.exists() and not path.is_file():
        raise AtollError(f"{path} is not a file")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None, []
    except OSError as error:
        raise AtollError(f"{path}: {error.strerror}") from None
    records = list(_records(text))
    if not text:
        return None, []
    if not records or records[0].get("kind") != _KIND:
        raise AtollError(f"{path} is not a checkpoint of a script", hint="name another file")
    return records[0], records[1:]


def _records(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # an incomplete line
        if isinstance(record, dict):
            yield record


def _stored(values: Values) -> dict[str, Any]:
    return {
        "records": values.are_records,
        "items": [[one.text, one.fields] for one in values.items],
    }


def _values(stored: Mapping[str, Any]) -> Values:
    items = [Value(text, fields) for text, fields in stored["items"]]
    return Values(items, are_records=bool(stored["records"]))
