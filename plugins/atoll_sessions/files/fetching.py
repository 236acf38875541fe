"""Bringing files and folders of a session here, each in as few requests as the API allows.

The API packs a file or folder into an archive of at most 1 MiB, and clusters say little of why they
refuse one: some answer a missing file, one that is too large and one that lies elsewhere all with
"internal server error". What a refusal means is therefore read from the listing of the folder, and
a folder that can't be had as a whole is fetched piece by piece.
"""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from attrs import define, field

from atoll import AtollError, NotAuthorized, Problem, Unreachable, UsageError
from atoll.output import Output
from atoll_sessions.fields import binary_size
from atoll_sessions.files.beneath import Beneath
from atoll_sessions.files.listing import (
    HOME,
    MOST_BYTES,
    FileEntry,
    fetch_archive,
    find_entry,
    in_home,
    list_folder,
)
from atoll_sessions.files.unpack import Archive, Unpacked

if TYPE_CHECKING:
    from atoll.api import Api

_MOST_LINKS = 16
_TAR_OVERHEAD = 2048
"""Bytes of an archive of one file that are not the file's own."""


@define
class Fetching:
    """Fetches files; what fails is told as a warning, and the others are fetched all the same.

    `done` adds up what came, `exit_code` is the first failure's.
    """

    api: "Api"
    session_id: str
    target: Beneath
    output: Output
    done: Unpacked = field(factory=Unpacked)
    exit_code: int = 0

    async def fetch(self, path: PurePosixPath) -> None:
        """Fetch a file or folder; raises Unreachable and NotAuthorized, after which no other can be
        fetched either.
        """
        await self._attempt(path, PurePosixPath(path.name or HOME.name))

    async def _attempt(self, path: PurePosixPath, place: PurePosixPath) -> None:
        try:
            if path.name:
                await self._fetch_named(path, place)
            else:
                await self._fetch_pieces(path, place)
        except (Unreachable, NotAuthorized):
            raise
        except AtollError as error:
            self.output.warn(str(error))
            self.exit_code = self.exit_code or error.exit_code

    async def _fetch_named(self, path: PurePosixPath, place: PurePosixPath) -> None:
        try:
            archive = await self._archive(path)
        except Problem as problem:
            entry = await self._entry(path, problem)
            if not entry.is_folder:
                raise _refusal(path, entry, problem) from None
            await self._fetch_pieces(path, place)
        else:
            archive.unpack(self.target, place, self.done)

    async def _archive(self, path: PurePosixPath) -> Archive:
        """Return the archive of a file or folder, or of what a link leads to."""
        wanted = path
        for _ in range(_MOST_LINKS):
            archive = Archive.read(wanted.name or HOME.name, await self._content(wanted))
            if (link := archive.link_target()) is None:
                return archive
            wanted = _behind(wanted, link)
        raise AtollError(f"{path}: too many links, one behind the other")

    async def _content(self, path: PurePosixPath) -> bytes:
        with self.output.progress(f"downloading {path} …") as show:
            return await fetch_archive(
                self.api,
                self.session_id,
                path,
                lambda size: show(f"downloading {path} … {binary_size(size)}"),
            )

    async def _entry(self, path: PurePosixPath, problem: Problem) -> FileEntry:
        """Look at what the cluster refused to pack; raises NotFound when it isn't there."""
        try:
            return await find_entry(self.api, self.session_id, path)
        except Problem:
            raise problem from None

    async def _fetch_pieces(self, path: PurePosixPath, place: PurePosixPath) -> None:
        """Fetch a folder file by file."""
        entries = await list_folder(self.api, self.session_id, path)
        self.target.make_folder(place)
        for entry in entries:
            if entry.is_file or entry.is_folder:
                await self._attempt(path / entry.filename, place / entry.filename)
            else:
                self.done.left_out.append(f"{path / entry.filename} (a link, or no file)")


def _behind(path: PurePosixPath, link: str) -> PurePosixPath:
    """Return where a link leads to."""
    try:
        return in_home(str(path.parent / link))
    except UsageError:
        raise AtollError(f"{path} is a link to {link}, which lies outside of {HOME}") from None


def _refusal(path: PurePosixPath, entry: FileEntry, problem: Problem) -> AtollError:
    """Make the error for a file that is there and was refused."""
    if entry.size + _TAR_OVERHEAD > MOST_BYTES:
        return AtollError(
            f"{path} is too large to download this way ({binary_size(entry.size)})",
            hint="the API gives files below 1 MiB; atoll scp takes any",
        )
    return AtollError(f"{path}: {problem.message}", hint=problem.hint)
