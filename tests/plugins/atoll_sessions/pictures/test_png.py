"""PNG files are checked before a terminal gets them."""

import tracemalloc
import zlib

import pytest

from atoll_sessions.pictures.media import Broken
from atoll_sessions.pictures.png import checked

from .samples import SIGNATURE, chunk, header, png


def test_a_whole_picture():
    found = checked(png(40, 20))
    assert (found.width, found.height, found.content) == (40, 20, png(40, 20))


def test_what_is_beside_the_picture_is_left_out():
    extra = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 20))) + chunk(b"tEXt", b"a\0b")
    assert checked(png(extra=extra) + b"after the end").content == png()


def test_an_interlaced_picture_has_its_passes():
    # Of 5 x 5 pixels, in the seven passes of the format.
    sizes = [(1, 1), (1, 1), (2, 1), (1, 2), (3, 1), (2, 3), (5, 2)]
    pixels = b"".join((b"\0" + bytes(columns)) * rows for columns, rows in sizes)
    head = header(5, 5, colours=0, interlaced=1)
    packed = chunk(b"IDAT", zlib.compress(pixels))
    assert checked(SIGNATURE + head + packed + chunk(b"IEND", b"")).width == 5
    short = chunk(b"IDAT", zlib.compress(pixels[:-1]))
    with pytest.raises(Broken, match="missing"):
        checked(SIGNATURE + head + short + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a PNG file"),
        (b"GIF89a", "not a PNG file"),
        (SIGNATURE, "incomplete"),
        (png()[:-20], "incomplete"),
        (png()[:60] + b"?" + png()[61:], "checksum"),
        (png(pixels=b"\0" * 10), "missing"),
        (SIGNATURE + header(0, 5) + chunk(b"IEND", b""), "no pixels"),
        (SIGNATURE + header(9, 9, colours=7) + chunk(b"IEND", b""), "header"),
        (SIGNATURE + chunk(b"IEND", b""), "header"),
        (SIGNATURE + header(2, 2) + chunk(b"IDAT", b"no zlib") + chunk(b"IEND", b""), "damaged"),
        (SIGNATURE + header(2, 2) + b"\xff\xff\xff\xffIDAT", "incomplete"),
    ],
)
def test_what_is_broken(content, why):
    with pytest.raises(Broken, match=why):
        checked(content)


def test_a_bomb_takes_no_memory():
    """Not by the size that it tells of, and not by what its pixels become."""
    with pytest.raises(Broken, match=r"60,000 x 60,000 pixels are too many"):
        checked(SIGNATURE + header(60_000, 60_000) + chunk(b"IEND", b""))
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(200)), packer.flush()])
    bomb = SIGNATURE + header(2, 2) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    tracemalloc.start()
    try:
        checked(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
