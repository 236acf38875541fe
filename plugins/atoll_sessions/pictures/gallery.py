"""Decides what to do with each picture that code shows."""

from contextlib import suppress
from pathlib import Path

import trio
from attrs import define, field

from atoll import AtollError, Context
from atoll_sessions.pictures.albums import Album, AlbumFull
from atoll_sessions.pictures.media import Broken, Medium, medium
from atoll_sessions.pictures.painter import NotDrawn, Painter
from atoll_sessions.pictures.terminals import terminals

_LONGEST_TYPE = 80
"""Characters of a type that are shown."""


@define
class Gallery:
    """The pictures of one run: drawn on a terminal that can do that, stored in the user's folder if
    there is one, or else described in a line.
    """

    context: Context
    stem: str
    """The beginning of the files' names, which is the name of the session."""
    album: Album | None = None
    """The folder that the user has chosen for pictures, if any."""
    _painter: Painter = field(init=False)
    _private: Album | None = field(default=None, init=False)
    _is_full: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Create a painter for the same context."""
        self._painter = Painter(self.context)

    async def show(self, mime: str, data: str) -> None:
        """Show the media that a cluster sends, one after the other."""
        mime = mime[:_LONGEST_TYPE]
        try:
            shown = await trio.to_thread.run_sync(medium, mime, data)
        except Broken as broken:
            self.context.output.note(f"[{mime}: not shown: {broken}]")
            return
        kept = await self._keep(shown, self.album) if self.album else None
        try:
            remark = await self._painter.draw(shown)
        except NotDrawn as reason:
            await self._tell(shown, kept, str(reason))
            return
        if kept:
            self.context.output.note(f"[kept as {kept}]")
        if remark:
            self.context.output.note(f"[{remark}]")

    async def page(self, text: str) -> None:
        """Store a page in the user's folder, if there is one; the page is also printed as text."""
        if self.album is None:
            return
        try:
            kept = await self._keep(medium("text/html", text), self.album)
        except Broken as broken:
            self.context.output.note(f"[text/html: not kept: {broken}]")
            return
        if kept:
            self.context.output.note(f"[text/html kept as {kept}]")

    def close(self) -> None:
        """After the code has ended, restore the terminal for other readers."""
        terminals.settle(self.context)

    async def _tell(self, shown: Medium, kept: Path | None, reason: str) -> None:
        """Print a line about a picture that is not drawn; at a terminal the picture is stored even
        without a folder of the user.
        """
        if kept is None and self.context.output.stdout.isatty() and not self.album:
            kept = await self._keep(shown, await self._private_album())
        where = f"kept as {kept}" if kept else f"{shown.size}, --media DIR keeps it"
        because = f": {reason}" if reason else ""
        self.context.output.note(f"[{shown.mime} {where}{because}]")

    async def _private_album(self) -> Album | None:
        if self._private is None:
            with suppress(OSError):
                self._private = await trio.to_thread.run_sync(Album.private, self.context.paths)
        return self._private

    async def _keep(self, shown: Medium, album: Album | None) -> Path | None:
        if album is None or self._is_full:
            return None
        try:
            return await trio.to_thread.run_sync(album.keep, shown, self.stem)
        except AtollError as error:
            self._is_full = isinstance(error, AlbumFull)
            self.context.output.warn(str(error))
            return None
