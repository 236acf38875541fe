"""The process that decodes one picture; see the package."""

import resource
import sys

from atoll_sessions.pictures.drawing import BROKEN, MISSING
from atoll_sessions.pictures.media import Broken
from atoll_sessions.pictures.space import PictureSpace

_MEMORY = 2 << 30
_SECONDS = 20


def draw(kind: str, mime: str, content: bytes, space: PictureSpace) -> bytes:
    """Convert a picture to `png`, to `sixel`, to `blocks` with all colours, or to `blocks256`.

    Raises Broken, or ImportError if a library is missing.
    """
    if mime == "image/svg+xml":
        from atoll_sessions.pictures.drawing.svg import draw_svg

        content, missing = draw_svg(content, space)
        sys.stderr.write(missing)
        if kind == "png":
            return content
    from atoll_sessions.pictures.drawing.decoding import as_png, opened, scaled

    image = opened(content)
    if kind == "png":
        return as_png(scaled(image, space.pixels(*image.size)))
    if kind == "sixel":
        from atoll_sessions.pictures.drawing.sixel import sixels

        return sixels(scaled(image, space.pixels(*image.size)))
    from atoll_sessions.pictures.drawing.blocks import half_blocks

    columns, lines = space.cells(*image.size)
    small = scaled(image, (columns, lines * 2))
    return half_blocks(small, all_colours=kind == "blocks").encode()


def main(kind: str, mime: str, *sizes: str) -> int:
    """Draw the picture on standard input; returns the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    try:
        drawn = draw(kind, mime, sys.stdin.buffer.read(), PictureSpace(*map(int, sizes)))
    except Broken as error:
        sys.stderr.write(str(error))
        return BROKEN
    except (MemoryError, RecursionError):
        sys.stderr.write("it needs too much memory")
        return BROKEN
    except ImportError as error:
        sys.stderr.write(str(error.name).partition(".")[0])
        return MISSING
    sys.stdout.buffer.write(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
