"""Listing a folder (`GET /folders/{f}/files`, every release)."""

import stat
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from atoll import NotFound, Problem
from atoll.reading import record
from atoll_sessions.api import for_wire, from_wire
from atoll_vfolders.api import request_folder
from atoll_vfolders.model import Folder
from atoll_vfolders.paths import check_name

if TYPE_CHECKING:
    from atoll import Api

_KINDS = {"FILE": stat.S_IFREG, "DIRECTORY": stat.S_IFDIR, "SYMLINK": stat.S_IFLNK}


@frozen(kw_only=True)
class Entry:
    """A file or folder. `type` is `FILE`, `DIRECTORY` or `SYMLINK`; `size` is in bytes; `mode` is
    as in `ls -l`, `bits` is the same as a number; times are ISO 8601 text. `target` is the target
    of a link, if the cluster returns it.
    """

    name: str
    type: str
    size: int
    mode: str
    created: str | None = None
    modified: str | None = None
    bits: int = 0o644
    target: str | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Make an entry from an item of the API's answer; raises AtollError for a name that could
        lead outside of the folder.
        """
        kind = str(item.get("type") or "FILE").upper()
        target = item.get("target")
        facts = {
            **item,
            "name": check_name(from_wire(str(item.get("spelling") or item["name"]))),
            "type": kind,
            "size": int(item["size"]),
            "mode": stat.filemode(_bits(item) | _KINDS.get(kind, stat.S_IFREG)),
            "bits": _bits(item),
            "target": from_wire(target) if isinstance(target, str) else None,
        }
        return record(cls, facts)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.type == "DIRECTORY"

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file."""
        return self.type == "FILE"

    @property
    def mtime(self) -> float:
        """The time of the last change in Unix seconds; 0 if it is not known."""
        try:
            return datetime.fromisoformat(self.modified or "").timestamp()
        except (ValueError, OverflowError):
            return 0.0


def _bits(item: Mapping[str, Any]) -> int:
    """Return the mode as a number: 23.09 returns its last three octal digits as text, 26.x the
    whole mode as a number.
    """
    mode = item.get("mode")
    if isinstance(mode, str) and mode.isdigit():
        return int(mode, 8) & 0o777
    return stat.S_IMODE(mode) & 0o777 if isinstance(mode, int) else 0o644


async def list_entries(api: "Api", folder: Folder, path: PurePosixPath) -> list[Entry]:
    """Return the entries at a path, sorted by name; raises NotFound."""
    params, like = {"path": await for_wire(api, path)}, {"items": [Entry.from_item]}
    answer = await request_folder(api, folder, "GET", "files", params=params, like=like)
    entries: list[Entry] = answer["items"]
    # Data of unfinished uploads is not shown, since it is not part of any file yet.
    top = path == PurePosixPath()
    return sorted(
        (entry for entry in entries if not (top and entry.name == ".upload")),
        key=lambda entry: entry.name,
    )


async def find_entry(api: "Api", folder: Folder, path: PurePosixPath) -> Entry | None:
    """Return one file or folder from the listing of its parent folder, or None."""
    if path == PurePosixPath():
        return Entry(name="", type="DIRECTORY", size=0, mode="drwxr-xr-x")
    try:
        above = await list_entries(api, folder, path.parent)
    except NotFound:
        return None
    except Problem as problem:
        # Releases return different errors for a path that does not exist.
        if problem.status in (401, 403):
            raise
        return None
    return next((entry for entry in above if entry.name == path.name), None)
