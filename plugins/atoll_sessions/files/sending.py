"""Files into a session (`POST /session/{s}/upload`, every release)."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from atoll import AtollError, NotFound, UsageError

if TYPE_CHECKING:
    from atoll.api import Api
    from atoll.transport import Part

MOST_FILES = 20
"""How many files the API takes in one request."""
MOST_BYTES = 1024 * 1024 - 1
"""How large a file may be, in bytes."""


def check_given(names: Sequence[str]) -> None:
    """Raise UsageError for an empty name: that of an unset variable, and not of all there is."""
    if "" in names:
        raise UsageError("'' is the name of no file")


def collect(
    paths: Sequence[Path], base: Path | None, leave: Callable[[str], None] = lambda _what: None
) -> "list[Part]":
    """Read files, and the files in folders, named by their way from `base`, else from the current
    folder.

    A file that does not lie there goes by its name alone. `leave` is told what in folders is left
    out. Raises AtollError, before anything has been sent, for what can't be uploaded.
    """
    from atoll.transport import Part

    root = _absolute(base or Path())
    parts = [
        Part("src", _name_in(path, root, strict=base is not None), _read(path))
        for given in paths
        for path in _files_below(base / given if base else given, leave)
    ]
    names = Counter(part.filename for part in parts)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise UsageError(f"two files would both become {twice[0]} in the session")
    return parts


def _files_below(path: Path, leave: Callable[[str], None]) -> Iterator[Path]:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file") from None
    except OSError as error:
        raise AtollError(f"{path}: {error.strerror}") from None
    if stat.S_ISREG(kind):
        yield path
    elif stat.S_ISDIR(kind):
        yield from sorted(_files_within(path, leave))
    else:
        raise UsageError(f"{path} is neither a file nor a folder")


def _files_within(path: Path, leave: Callable[[str], None]) -> Iterator[Path]:
    for above, folders, files in os.walk(path, onerror=_refuse):
        for below in (Path(above, name) for name in (*folders, *files)):
            if below.is_file():
                yield below
            elif below.is_symlink() or not below.is_dir():
                leave(f"{below} (a link to a folder, or no file)")
        if not folders and not files:
            leave(f"{above} (an empty folder)")


def _refuse(error: OSError) -> NoReturn:
    raise AtollError(f"{error.filename}: {error.strerror}") from None


def _name_in(path: Path, root: Path, *, strict: bool) -> str:
    found = _absolute(path)
    if found.is_relative_to(root):
        return str(found.relative_to(root))
    if strict:
        raise UsageError(f"{path} does not lie below {root}", hint="change --basedir")
    return path.name


def _absolute(path: Path) -> Path:
    """Return the path from the root; links are left in it, since files go by the links' names."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow them


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UsageError(
                f"{path} is too large to upload this way", hint="the API takes files below 1 MiB"
            )
        return path.read_bytes()
    except OSError as error:
        raise AtollError(f"{path}: {error.strerror}") from None


async def upload(
    api: "Api",
    session_id: str,
    parts: "Sequence[Part]",
    on_sent: Callable[[int], None] = lambda _number: None,
) -> None:
    """Put files into a session's /home/work, as many in one request as the API takes; `on_sent` is
    told how many are there.
    """
    from atoll.api import path

    for start in range(0, len(parts), MOST_FILES):
        some = parts[start : start + MOST_FILES]
        # The same files under the same names: doing it twice does no harm.
        await api.request("POST", path("session", session_id, "upload"), parts=some, safe=True)
        on_sent(start + len(some))
