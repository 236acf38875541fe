"""Draws pictures in the terminal; pictures that must be decoded are decoded in separate
processes.
"""

import sys
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll import Context
from atoll_sessions.pictures import protocols
from atoll_sessions.pictures.drawing import BROKEN, LEFT_OUT, MISSING, NO_FONT
from atoll_sessions.pictures.media import Broken, Medium
from atoll_sessions.pictures.png import checked
from atoll_sessions.pictures.space import PictureSpace
from atoll_sessions.pictures.terminals import Terminal, terminals

if TYPE_CHECKING:
    from subprocess import CompletedProcess

SETTING = "sessions.pictures"
_TIMEOUT = 30.0
"""Seconds that decoding may take in total."""
_LIBRARIES = {"PIL": "Pillow", "resvg_py": "resvg_py"}
_REMARKS = {
    LEFT_OUT: "references of the picture to other files are left out",
    NO_FONT: "the text in the picture is left out: no font is installed",
}
INSTALL = "pip install 'atoll[pictures]'"


class NotDrawn(Exception):
    """A picture is not drawn; the text says why, and is empty if the reason is obvious."""


@define
class Painter:
    """Draws on the standard output of a command."""

    context: Context
    _terminal: Terminal | None = field(default=None, init=False)

    async def draw(self, shown: Medium) -> str:
        """Draw a picture; returns a remark about it, empty for none. Raises NotDrawn."""
        output = self.context.output
        if not shown.is_picture:
            raise NotDrawn("")
        if not output.stdout.isatty():
            raise NotDrawn("")
        if self._terminal is None:
            wanted = str(self.context.settings[SETTING])
            self._terminal = await terminals.find(self.context, wanted)
        if self._terminal.protocol == "none":
            raise NotDrawn("")
        try:
            drawn, remark = await self._drawn(shown, self._terminal)
        except Broken as broken:
            raise NotDrawn(f"not drawn: {broken}") from None
        output.stream("stdout", drawn)
        return remark

    async def _drawn(self, shown: Medium, terminal: Terminal) -> tuple[str, str]:
        """Return the text that draws a picture in a terminal, and a remark."""
        if terminal.protocol not in ("kitty", "iterm2"):
            kind: str = terminal.protocol
            if kind == "blocks" and not terminal.all_colours:
                kind = "blocks256"
            space = terminal.space if kind == "sixel" else terminal.space.of_half_blocks
            drawn, remark = await _decoded(kind, shown, space)
            return drawn.decode("ascii" if kind == "sixel" else "utf-8"), remark
        content, remark = shown.content, ""
        if shown.mime != "image/png":
            content, remark = await _decoded("png", shown, terminal.space)
        png = await trio.to_thread.run_sync(checked, content)
        encode = protocols.kitty if terminal.protocol == "kitty" else protocols.iterm2
        return encode(png, terminal.space), remark


async def _decoded(kind: str, shown: Medium, space: PictureSpace) -> tuple[bytes, str]:
    """Decode a picture in another process; raises Broken, or NotDrawn if a library is missing."""
    sizes = (space.columns, space.lines, space.cell_width, space.cell_height)
    module = "atoll_sessions.pictures.drawing"
    command = [sys.executable, "-m", module, kind, shown.mime, *map(str, sizes)]
    done: CompletedProcess[bytes] | None = None
    with trio.move_on_after(_TIMEOUT):
        done = await trio.run_process(
            command,
            stdin=shown.content,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            start_new_session=True,  # Ctrl-C must interrupt only the code
        )
    if done is None:
        raise Broken("it takes too long")
    message = done.stderr.decode(errors="replace").strip()
    if done.returncode == MISSING:
        library = _LIBRARIES.get(message, message)
        raise NotDrawn(f"drawing it needs {library} ({INSTALL})")
    if done.returncode:
        raise Broken(message if done.returncode == BROKEN else "it can't be decoded")
    return done.stdout, _REMARKS.get(message, "")
