"""Pictures decoded by the process that does nothing else."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .samples import SIGNATURE, chunk, header, png, svg

PIL = pytest.importorskip("PIL.Image", reason="not installed: Pillow")
BROKEN, MISSING = 3, 4


def draw(kind, mime, content, room=(80, 24, 8, 16), environ=()):
    """Run the process; returns how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "atoll_sessions.pictures.drawing", kind, mime, *map(str, room)],
        input=content,
        capture_output=True,
        timeout=60,
        env={**os.environ, **dict(environ)},
    )


def has_ink(content):
    """Whether anything is drawn in a picture without a background."""
    return PIL.open(io.BytesIO(content)).convert("RGBA").getbbox() is not None


def drawn(*arguments, **options):
    """Return what a picture becomes."""
    done = draw(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def decoded(content):
    """Open a PNG picture."""
    return PIL.open(io.BytesIO(content)).convert("RGB")


def jpeg():
    """Make a JPEG picture, red all over."""
    written = io.BytesIO()
    PIL.new("RGB", (40, 20), "red").save(written, "JPEG")
    return written.getvalue()


def test_half_blocks():
    """Two pixels a cell; the picture has its own size, in cells of 8 x 16 pixels."""
    lines = drawn("blocks", "image/png", png(16, 320)).decode().splitlines()
    assert [line.count("▀") for line in lines] == [2] * 20
    assert lines[0] == "\x1b[38;2;255;0;0;48;2;255;0;0m▀▀\x1b[0m"
    assert lines[-1] == "\x1b[38;2;0;0;255;48;2;0;0;255m▀▀\x1b[0m"
    few = drawn("blocks256", "image/png", png(16, 320)).decode().splitlines()
    assert few[0] == "\x1b[38;5;196;48;5;196m▀▀\x1b[0m"
    assert few[-1] == "\x1b[38;5;21;48;5;21m▀▀\x1b[0m"


@pytest.mark.parametrize("room", [(40, 10, 8, 16), (20, 30, 10, 20)])
def test_never_larger_than_the_screen(room):
    lines = drawn("blocks", "image/png", png(2000, 1000), room=room).decode().splitlines()
    assert len(lines) <= room[1]
    assert max(line.count("▀") for line in lines) <= room[0]
    columns, rows = max(line.count("▀") for line in lines) * room[2], len(lines) * room[3]
    assert columns / rows == pytest.approx(2, rel=0.15)


def test_sixels():
    """They say of each pixel what the picture does."""
    told = drawn("sixel", "image/png", png(16, 10)).decode()
    found = re.fullmatch(r'\x1bP0;1q"1;1;16;10(.*)\x1b\\\n', told)
    palette, pixels = read_sixels(found.group(1))
    assert {palette[pixels[x, y]] for x in range(16) for y in range(5)} == {(100, 0, 0)}
    assert {palette[pixels[x, y]] for x in range(16) for y in range(5, 10)} == {(0, 0, 100)}
    assert len(pixels) == 160


def read_sixels(text):
    """Read sixels as terminals do; returns the palette, and each pixel's place in it."""
    palette, pixels, x, y, colour = {}, {}, 0, 0, 0
    for part in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+.|\$|-|[?-~]", text):
        if part.count(";") == 4:
            number, _, *parts = map(int, part[1:].split(";"))
            palette[number] = tuple(parts)
        elif part[0] == "#":
            colour = int(part[1:])
        elif part == "$":
            x = 0
        elif part == "-":
            x, y = 0, y + 6
        else:
            times = int(part[1:-1]) if part[0] == "!" else 1
            bits = ord(part[-1]) - 63
            for column in range(x, x + times):
                pixels |= {(column, y + bit): colour for bit in range(6) if bits >> bit & 1}
            x += times
    return palette, pixels


def test_other_formats_become_png():
    assert decoded(drawn("png", "image/jpeg", jpeg())).getpixel((5, 5))[0] > 250


def test_transparent_pixels_are_white():
    written = io.BytesIO()
    PIL.new("RGBA", (8, 16), (0, 0, 0, 0)).save(written, "PNG")
    assert b"255;255;255" in drawn("blocks", "image/png", written.getvalue())


@pytest.mark.parametrize(
    ("mime", "content", "why"),
    [
        ("image/png", png()[:60], "damaged|incomplete"),
        ("image/png", b"", "not a picture"),
        ("image/jpeg", jpeg()[:200], "damaged"),
        ("image/jpeg", b"%PDF-1.4", "not a picture"),
        # Of a format that Pillow would hand to another program.
        ("image/png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        ("image/png", SIGNATURE + header(60_000, 60_000) + chunk(b"IEND", b""), "too many"),
    ],
)
def test_what_can_not_be_drawn(mime, content, why):
    done = draw("blocks", mime, content)
    assert done.returncode == BROKEN
    assert re.search(why, done.stderr.decode())


class TestSvg:
    """SVG pictures, which may refer to anything."""

    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("resvg_py", reason="not installed: resvg_py")

    def test_it_is_drawn(self):
        found = decoded(
            drawn("png", "image/svg+xml", svg('<rect width="40" height="20" fill="red"/>'))
        )
        assert (found.size, found.getpixel((20, 10))) == ((40, 20), (255, 0, 0))

    @pytest.mark.parametrize("family", ["", "Helvetica", "Nowhere, sans-serif", "monospace"])
    def test_text_is_drawn_in_a_font_that_is_there(self, family):
        """Whatever the picture names: most name fonts of other systems."""
        text = svg(f'<text y="18" font-size="20" font-family="{family}">MMM</text>')
        assert has_ink(drawn("png", "image/svg+xml", text))

    @pytest.mark.parametrize("has_matplotlib", [True, False])
    def test_without_fontconfig(self, tmp_path, has_matplotlib):
        """Fonts of matplotlib do; that there is none at all is told."""
        if has_matplotlib:
            pytest.importorskip("matplotlib", reason="not installed: matplotlib")
        else:
            tmp_path.joinpath("matplotlib.py").touch()
        text = svg('<text y="18" font-size="20">MMM</text>')
        environ = {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}
        done = draw("png", "image/svg+xml", text, environ=environ)
        assert done.stderr == (b"" if has_ink(done.stdout) else b"no font")
        assert has_ink(done.stdout) or not has_matplotlib

    @pytest.mark.parametrize(
        ("attributes", "size"),
        [
            ('width="1in" height="48"', (96, 48)),
            ('viewBox="0 0 60 30"', (60, 30)),
            ('width="100%" viewBox="0,0,60,30"', (60, 30)),
            ("", (300, 150)),
            ('width="1e9" height="1e9"', (384, 384)),
            ('width="-5" height="x"', (300, 150)),
        ],
    )
    def test_sizes(self, attributes, size):
        assert decoded(drawn("png", "image/svg+xml", svg("", attributes))).size == size

    @pytest.mark.parametrize(
        "inside",
        [
            '<image href="{}" width="40" height="20"/>',
            '<image xlink:href="{}" width="40" height="20"/>',
            '<image href="file://{}" width="40" height="20"/>',
            '<image href=" {}" width="40" height="20"/>',
        ],
    )
    def test_no_file_is_read(self, tmp_path, inside):
        secret = tmp_path / "secret.png"
        secret.write_bytes(png())
        done = draw("png", "image/svg+xml", svg(inside.format(secret)))
        assert done.stderr == b"left out"
        assert not any(PIL.open(io.BytesIO(done.stdout)).convert("RGBA").tobytes())

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"<svg", "not XML"),
            (b"", "not XML"),
            (b"\xff\xfe", "not XML"),
            (b'<?xml version="1.0" encoding="nonsense"?><svg/>', "not XML"),
            (b'<!DOCTYPE s [<!ENTITY a "b">]><svg>&a;</svg>', "entities"),
        ],
    )
    def test_what_is_broken(self, content, why):
        done = draw("png", "image/svg+xml", content)
        assert done.returncode == BROKEN
        assert re.search(why, done.stderr.decode())

    def test_what_is_nested_without_end_costs_this_process_alone(self):
        done = draw("png", "image/svg+xml", svg("<g>" * 100_000 + "</g>" * 100_000))
        assert done.returncode != 0
        assert done.stdout == b""

    def test_without_the_library(self, tmp_path):
        (tmp_path / "resvg_py.py").write_text("raise ImportError(name='resvg_py')")
        done = draw("png", "image/svg+xml", svg(""), environ={"PYTHONPATH": str(tmp_path)})
        assert (done.returncode, done.stderr) == (MISSING, b"resvg_py")


def test_without_pillow(tmp_path: Path):
    (tmp_path / "PIL.py").write_text("raise ImportError(name='PIL.Image')")
    done = draw("blocks", "image/png", png(), environ={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stderr) == (MISSING, b"PIL")
