"""Downloading files and folders of a session, with as few requests as the API allows.

The API packs a file or folder into an archive of at most 1 MiB. Clusters say little about why they
refuse one: some answer "internal server error" if a file is missing, too large, or outside of the
session's home. So the reason of a refusal is looked up in the listing of the folder, and a folder
that can't be packed as a whole is downloaded piece by piece.
"""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from atoll import AtollError, NotAuthorized, Problem, Unreachable, UsageError
from atoll.files import SafeFolder, stays_below
from atoll.output import Output, binary_size
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
    from atoll import Api

_MOST_LINKS = 16
_TAR_OVERHEAD = 2048
"""The bytes that an archive of one file has in addition to the file's content."""


@define
class Fetching:
    """Downloads files. If a file fails, a warning says so, and the other files are still
    downloaded.

    `done` counts files and bytes, `exit_code` is that of the first failure.
    """

    api: "Api"
    session_id: str
    target: SafeFolder
    output: Output
    done: Unpacked = field(factory=Unpacked)
    exit_code: int = 0

    async def fetch(self, path: PurePosixPath) -> None:
        """Download a file or folder; raises Unreachable and NotAuthorized, since all other
        downloads would then fail too.
        """
        pieces = [_Piece(path, PurePosixPath(path.name or HOME.name))]
        while pieces:
            piece = pieces.pop()
            try:
                pieces += reversed(await self._fetch(piece))
            except (Unreachable, NotAuthorized):
                raise
            except AtollError as error:
                self.output.warn(str(error))
                self.exit_code = self.exit_code or error.exit_code

    async def _fetch(self, piece: "_Piece") -> list["_Piece"]:
        """Download a file or a whole folder; if the cluster refuses, return the pieces to download
        instead.
        """
        if piece.entry is not None and piece.entry.is_link:
            await self._fetch_link(piece, piece.entry)
        elif not piece.path.name or piece.patience:
            return await self._pieces_of(piece)
        else:
            try:
                archive = await self._archive(piece.path)
            except Problem as problem:
                entry = piece.entry or await self._entry(piece.path, problem)
                if not entry.is_folder:
                    raise _refusal(piece.path, entry, problem) from None
                return await self._pieces_of(piece.refused())
            archive.unpack(self.target, piece.place, self.done)
        return []

    async def _archive(self, path: PurePosixPath) -> Archive:
        """Return the archive of a file or folder, or of the target of a link."""
        wanted = path
        for _ in range(_MOST_LINKS):
            archive = Archive.read(wanted.name or HOME.name, await self._content(wanted))
            if (link := archive.link_target()) is None:
                return archive
            wanted = _behind(wanted, link)
        raise AtollError(f"{path}: too many levels of links")

    async def _content(self, path: PurePosixPath) -> bytes:
        with self.output.progress(f"downloading {path} …") as show:
            return await fetch_archive(
                self.api,
                self.session_id,
                path,
                lambda size: show(f"downloading {path} … {binary_size(size)}"),
            )

    async def _entry(self, path: PurePosixPath, problem: Problem) -> FileEntry:
        """Look up a file that the cluster refused to pack; raises NotFound if it does not exist."""
        try:
            return await find_entry(self.api, self.session_id, path)
        except Problem:
            raise problem from None

    async def _pieces_of(self, piece: "_Piece") -> list["_Piece"]:
        """Create a folder, and return its content as pieces."""
        entries = await list_folder(self.api, self.session_id, piece.path)
        self.target.make_folder(piece.place)
        pieces = []
        for entry in entries:
            below = piece.below(entry, alone=len(entries) == 1)
            if entry.is_file or entry.is_folder or entry.is_link:
                pieces.append(below)
            else:
                self.done.left_out.append(f"{below.path} (no file or folder)")
        return pieces

    async def _fetch_link(self, piece: "_Piece", entry: FileEntry) -> None:
        """Create a link with the same target, if the target is inside the requested folder."""
        says = entry.target if entry.target is not None else await self._link_at(piece.path)
        if says is not None and stays_below(says, len(piece.place.parts) - 2):
            self.target.link(piece.place, says)
        else:
            what = "a link" if says is None else f"a link to {says}"
            self.done.left_out.append(f"{piece.path} ({what})")

    async def _link_at(self, path: PurePosixPath) -> str | None:
        """Return the target of a link that the listing does not give: some clusters pack the link
        itself.
        """
        try:
            return Archive.read(path.name, await self._content(path)).link_target()
        except Problem:
            return None


@frozen
class _Piece:
    """A file or folder still to be downloaded, its destination, and its entry in the listing."""

    path: PurePosixPath
    place: PurePosixPath
    entry: FileEntry | None = None
    refusals: int = 0
    patience: int = 0
    """For how many more levels no folder is requested as a whole, after too many refusals."""

    def refused(self) -> "_Piece":
        """Return the piece with one more refusal counted; this includes refusals of the folders
        that contain only this piece.
        """
        return evolve(self, refusals=self.refusals + 1, patience=2**self.refusals)

    def below(self, entry: FileEntry, *, alone: bool) -> "_Piece":
        """Return the content as pieces; an entry that is `alone` is about as large as its
        folder.
        """
        piece = _Piece(self.path / entry.filename, self.place / entry.filename, entry)
        if not (alone and entry.is_folder):
            return piece
        return evolve(piece, refusals=self.refusals, patience=max(self.patience - 1, 0))


def _behind(path: PurePosixPath, link: str) -> PurePosixPath:
    """Return the target of a link."""
    try:
        return in_home(str(path.parent / link))
    except UsageError:
        raise AtollError(f"{path} is a link to {link}, which is outside of {HOME}") from None


def _refusal(path: PurePosixPath, entry: FileEntry, problem: Problem) -> AtollError:
    """Return the error for a file that exists but was refused."""
    if entry.size + _TAR_OVERHEAD > MOST_BYTES:
        return AtollError(
            f"{path} is too large to download this way ({binary_size(entry.size)})",
            hint="the API sends files below 1 MiB; atoll scp copies files of any size",
        )
    return AtollError(f"{path}: {problem.message}", hint=problem.hint)
