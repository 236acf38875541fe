"""What becomes of each picture that code shows."""

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
"""Characters of a type that are told."""


@define
class Gallery:
    """The pictures of one run: drawn where somebody looks, kept where the user wants them, and
    told of in a line where neither can be.
    """

    context: Context
    stem: str
    """What the names of files begin with: that of the session."""
    album: Album | None = None
    """Where the user wants them, if anywhere."""
    _painter: Painter = field(init=False)
    _private: Album | None = field(default=None, init=False)
    _is_full: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Have them drawn for the same context."""
        self._painter = Painter(self.context)

    async def show(self, mime: str, data: str) -> None:
        """Show what a cluster sends as media, one after the other."""
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
        """Keep a page, which is printed as the text that it is, if the user wants that."""
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
        """Leave the terminal as others expect it, once the code has ended."""
        terminals.settle(self.context)

    async def _tell(self, shown: Medium, kept: Path | None, reason: str) -> None:
        """Tell of a picture that is not drawn; at a terminal it is kept even so."""
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
