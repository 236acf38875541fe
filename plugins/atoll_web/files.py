"""The page's static files."""

import re
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import unquote

import trio
from attrs import frozen

from atoll_apps.api import Connection

_INDEX = "index.html"
_PIECE = 256 * 1024
_NAMED_BY_CONTENT = re.compile(r"[-.][0-9a-f]{8}[.](?:chunk[.])?(?:js|css)$")


@frozen
class StaticFiles:
    """Serves the files of a folder; any other path is a place within the page."""

    folder: Path

    async def send(self, connection: Connection, path: str) -> None:
        """Answer a request for a path, percent-encoded."""
        file = self._find(unquote(path))
        async with await trio.open_file(file, "rb") as opened:
            size = await trio.to_thread.run_sync(lambda: file.stat().st_size)
            await connection.send_head(200, _headers(file, size))
            if not connection.wants_head_alone:
                while piece := await opened.read(_PIECE):
                    await connection.send(piece)
            await connection.send_end()

    def _find(self, path: str) -> Path:
        parts = [part for part in path.split("/") if part]
        # Names that lead out of the folder, or are hidden, are not files of the page.
        if not any(part.startswith(".") or "\0" in part for part in parts):
            file = self.folder.joinpath(*parts)
            if file.is_file() and file.resolve().is_relative_to(self.folder.resolve()):
                return file
        return self.folder / _INDEX


def _headers(file: Path, size: int) -> list[tuple[str, str]]:
    kind = guess_type(file.name)[0] or "application/octet-stream"
    lasts = _NAMED_BY_CONTENT.search(file.name) is not None
    return [
        ("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind),
        ("Content-Length", str(size)),
        ("Cache-Control", "max-age=86400, private" if lasts else "no-cache"),
    ]
