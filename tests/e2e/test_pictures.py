"""Pictures that code shows, in terminals that can draw and in those that can't."""

import re
import sys
import time
from base64 import b64decode, b64encode

import pexpect
import pyte
import pytest

pytestmark = pytest.mark.slow

CODE = """
import base64
class Picture:
    def __repr__(self): return "a picture"
    def _repr_png_(self): return base64.b64decode("{content}")
Picture()
"""
SVG = """
class Drawing:
    def __repr__(self): return "a drawing"
    def _repr_svg_(self):
        return ('<svg xmlns="http://www.w3.org/2000/svg" width="160" height="64">'
                '<rect width="160" height="64" fill="#00ff00"/></svg>')
Drawing()
"""
LOCKED = """
import fcntl, sys, termios
really = fcntl.ioctl
def ioctl(descriptor, request, *arguments):
    if request == termios.TIOCSTI:
        raise OSError("not permitted")
    return really(descriptor, request, *arguments)
fcntl.ioctl = ioctl
from atoll._cli import main
sys.exit(main())
"""
"""The program on a system that lets nobody put keys into a terminal."""
ASKED = b"\x1b[c"
NOTHING = b"\x1b[?65;1;9c"
TERMINALS = {
    "kitty": b"\x1b[6;16;8t\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.35.2)\x1b\\\x1b[?62;c",
    "sixel": b"\x1b[6;16;8t\x1bP>|XTerm(390)\x1b\\\x1b[?64;1;2;4;6;9;15;22c",
    "iterm2": b"\x1b[6;16;8t\x1bP>|iTerm2 3.5.0\x1b\\\x1b[?62;4c",
}


def png(width=160, height=64):
    """Make a picture, red above and blue below."""
    from io import BytesIO

    image = pytest.importorskip("PIL.Image", reason="not installed: Pillow")
    made = image.new("RGB", (width, height), (0, 0, 255))
    made.paste((255, 0, 0), (0, 0, width, height // 2))
    written = BytesIO()
    made.save(written, "PNG")
    return written.getvalue()


def showing(content):
    """Return code that shows a picture."""
    return CODE.format(content=b64encode(content).decode())


@pytest.fixture
def terminal(shared):
    """Return the function that starts the program on a terminal of 80 x 24 cells."""
    shared.run("start", "-t", "pictures", "--max-wait", "60", "python")
    started = []

    def start(*words, locked=False, **environ):
        left_out = ("TERM_PROGRAM", "LC_TERMINAL", "TMUX", "COLORTERM")
        kept = {k: v for k, v in shared.environ().items() if k not in left_out}
        child = pexpect.spawn(
            sys.executable if locked else str(shared.program()),
            ["-c", LOCKED, *words] if locked else list(words),
            env={**kept, "TERM": "xterm-256color", **environ},
            dimensions=(24, 80),
            timeout=60,
        )
        child.delaybeforesend = None
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def run(code, *more):
    """Return the words that run code in the session of these tests."""
    return ["run", "-q", "-t", "pictures", *more, "-c", code, "python"]


def rest_of(child):
    """Wait for the end; returns what was written until then."""
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0, child.before
    return child.before


def test_kitty(terminal):
    """The terminal is asked, gets the very picture, and is told how many cells it takes."""
    child = terminal(*run(showing(png())))
    child.expect_exact(ASKED)
    child.send(TERMINALS["kitty"])
    drawn = rest_of(child)
    pieces = re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", drawn)
    assert pieces[0][0].startswith(b"a=T,f=100,q=2,m=")
    assert [keys[-3:] for keys, _ in pieces] == [b"m=1"] * (len(pieces) - 1) + [b"m=0"]
    assert b64decode(b"".join(data for _, data in pieces)) == png()


def test_a_picture_in_pieces(terminal):
    """Kitty takes no more than 4096 characters in a sequence."""
    image = pytest.importorskip("PIL.Image", reason="not installed: Pillow")
    from io import BytesIO
    from random import Random

    written = BytesIO()
    noise = Random(1).randbytes(100 * 100 * 3)
    image.frombytes("RGB", (100, 100), noise).save(written, "PNG")
    drawn = rest_of(terminal(*run(showing(written.getvalue())), TERM="xterm-kitty"))
    pieces = re.findall(rb"\x1b_G[^;]*;([^\x1b]*)\x1b\\", drawn)
    assert len(pieces) > 5
    assert max(map(len, pieces)) == 4096
    assert b64decode(b"".join(pieces)) == written.getvalue()


def test_iterm2(terminal):
    child = terminal(*run(showing(png())))
    child.expect_exact(ASKED)
    child.send(TERMINALS["iterm2"])
    found = re.search(rb"\x1b\]1337;File=([^:]*):([^\a]*)\a", rest_of(child))
    assert b"inline=1" in found.group(1)
    assert b"width=20;height=4" in found.group(1)
    assert b64decode(found.group(2)) == png()


def test_sixels(terminal):
    child = terminal(*run(showing(png())))
    child.expect_exact(ASKED)
    child.send(TERMINALS["sixel"])
    assert re.search(rb'\x1bP0;1q"1;1;160;64#0;2;[^\x1b]*\x1b\\', rest_of(child))


def test_half_blocks_on_the_screen(terminal):
    """A terminal that can draw text alone shows the picture's colours in cells."""
    child = terminal(*run(showing(png(160, 256))), COLORTERM="truecolor")
    child.expect_exact(ASKED)
    child.send(NOTHING)
    screen = pyte.Screen(80, 24)
    pyte.ByteStream(screen).feed(rest_of(child))
    rows = [y for y in range(24) if screen.buffer[y][0].data == "▀"]
    assert [screen.display[y].count("▀") for y in rows] == [28] * 22
    first, last = (screen.buffer[y][10] for y in (rows[0], rows[-1]))
    assert (first.fg, first.bg) == ("ff0000", "ff0000")
    assert (last.fg, last.bg) == ("0000ff", "0000ff")


def test_svg(terminal):
    pytest.importorskip("resvg_py", reason="not installed: resvg_py")
    child = terminal(*run(SVG), ATOLL_SESSIONS_PICTURES="blocks", COLORTERM="truecolor")
    assert b"\x1b[38;2;0;255;0;48;2;0;255;0m" in rest_of(child)


@pytest.mark.parametrize("locked", [False, True])
def test_keys_typed_meanwhile_are_kept(terminal, locked):
    """They reach the code that asks for a line, though they were read among the answers."""
    code = f"{ahead(showing(png()))}\nprint('read', input())"
    child = terminal(*run(code), locked=locked)
    child.expect_exact(ASKED)
    child.send(b"some " + TERMINALS["sixel"][:9] + b"wo" + TERMINALS["sixel"][9:] + b"rds\n")
    assert b"read some words\r\n" in rest_of(child)


def ahead(code):
    """Return code that shows its picture with more code to come."""
    return "import sys\n" + code.rstrip().replace("\nPicture()", "\nsys.displayhook(Picture())")


@pytest.mark.parametrize("locked", [False, True])
def test_keys_typed_meanwhile_reach_the_prompt(shared, terminal, locked):
    """What is typed while the terminal is asked is on the next line of the prompt."""
    shared.run(*run(showing(png())))
    child = terminal(locked=locked)
    child.expect_exact(b"atoll>")
    child.send(b"run -q -t pictures -c 'Picture()' python\r")
    child.expect_exact(ASKED)
    child.send(b"profile " + NOTHING + b"list\r")
    child.expect_exact(b"Current")
    child.expect_exact(b"local")


def test_answers_that_come_late_are_nobodys(shared, terminal):
    """What a slow terminal answers while the code still runs is not typed at the prompt."""
    shared.run(*run(showing(png())))
    child = terminal()
    child.expect_exact(b"atoll>")
    child.send(b"run -q -t pictures -c 'display(Picture()); import time; time.sleep(3)' python\r")
    child.expect_exact(ASKED)
    child.expect("▀".encode())
    child.send(NOTHING)
    child.expect_exact(b"atoll>")
    child.send(b"profile list\r")
    child.expect_exact(b"Current")
    assert b"65;1;9c" not in child.before


def test_a_terminal_that_says_nothing_is_not_waited_for(terminal):
    child = terminal(*run(showing(png())))
    child.expect_exact(ASKED)
    asked = time.monotonic()
    child.expect("▀".encode())
    assert time.monotonic() - asked < 20
    rest_of(child)


def test_nothing_is_drawn_in_a_pipe(shared, terminal):
    del terminal  # it starts the session
    done = shared.run(*[word for word in run(showing(png())) if word != "-q"])
    assert done.stdout == "a picture\n"
    assert re.search(r"\[image/png \d+ bytes, --media DIR keeps it\]", done.stderr)


def test_a_folder_for_pictures(shared, terminal, tmp_path):
    """Each is kept whole, under a name of its own, also where nothing is drawn."""
    del terminal
    folder = tmp_path / "pictures"
    for _ in range(2):
        words = run(showing(png()), "--media", str(folder))
        done = shared.run(*[word for word in words if word != "-q"])
    assert f"[image/png kept as {folder}/pictures-2.png]" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["pictures-1.png", "pictures-2.png"]
    assert (folder / "pictures-1.png").read_bytes() == png()
    (tmp_path / "file").write_text("")
    assert shared.run(*run("1", "--media", str(tmp_path / "file"))).returncode == 2


def test_broken_and_boundless_pictures_cost_a_line(terminal):
    """The terminal gets nothing of them, and what comes after them is shown."""
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0"
    broken = [b"\x1b]0;title\a no picture", png()[:-30], bomb]
    code = "\n".join([*(ahead(showing(one)) for one in broken), "print('still', 'here')"])
    words = [word for word in run(code) if word != "-q"]
    drawn = rest_of(terminal(*words, TERM="xterm-kitty")).decode()
    assert "\x1b_G" not in drawn
    assert "\x1b]0;" not in drawn
    assert re.findall(r"not drawn: ([^\]]*)", drawn.replace("\r\n", "")) == [
        "it is not a PNG file",
        "it is incomplete",
        "it is incomplete",
    ]
    assert "still here" in drawn


def test_no_colour_draws_no_blocks(terminal):
    words = [word for word in run(showing(png())) if word != "-q"]
    drawn = rest_of(terminal(*words, NO_COLOR="1", TERM="linux")).decode()
    assert "▀" not in drawn
    assert "[image/png kept as" in drawn


def test_pictures_of_a_sweep_are_beside_what_it_prints(shared, tmp_path):
    """Each case's picture has the case's number; --media is refused, and says what there is."""
    code = showing(png()).replace("a picture", "picture $N")
    words = ["run", "--rm", "-c", code, "--exec-range=N=case:1,2", "python"]
    done = shared.run(*words, "--out", str(tmp_path / "out"))
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0001-1.png",
        "0001.out",
        "0002-1.png",
        "0002.out",
    ]
    assert (tmp_path / "out" / "0002-1.png").read_bytes() == png()
    told = (tmp_path / "out" / "0002.out").read_text()
    assert told == f"picture 2\n[image/png kept as {tmp_path}/out/0002-1.png]\n"
    refused = shared.run(*words, "--media", str(tmp_path))
    assert refused.returncode == 2
    assert "beside what its cases print" in refused.stderr


def test_pages_are_kept(shared, terminal, tmp_path):
    """A page is printed as its text, and kept."""
    del terminal
    code = """
class Page:
    def __repr__(self): return "a page"
    def _repr_html_(self): return "<b>bold</b>"
display(Page())
display({"image/png": "no base64!"}, raw=True)
"""
    words = ["run", "-t", "pictures", "--media", str(tmp_path / "kept"), "-c", code, "python"]
    done = shared.run(*words)
    assert (tmp_path / "kept" / "pictures-1.html").read_text() == "<b>bold</b>"
    assert "[image/png: not shown: it is not in base64]" in done.stderr
