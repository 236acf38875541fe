"""Bytes piped into programs, from the first to the end of the input, whatever they do with them."""

import gzip
import io
import tarfile

import anyio
import pytest

from atoll_cluster.engine.contract import EngineError, Finished, InputCapacity, Output

pytestmark = pytest.mark.anyio

BINARY = bytes(range(256)) * 3
WINDOW = 1024 * 1024


def archive():
    """Make a compressed archive that holds a file; the same at any time, since it names a test."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("inside.txt"))
    return gzip.compress(packed.getvalue(), mtime=0)


@pytest.fixture
def piped(tell_piped):
    """Run code with bytes piped into it, as it takes them; returns its output and exit code."""

    async def piped(kernel, data, *, code="", **steps):
        mode = "query" if code else "batch"
        run = await kernel.execute(mode, code, steps, piped=True)
        return await tell_piped(run, data)

    return piped


@pytest.fixture
def tell_piped():
    """Read a run to its end, and send it bytes meanwhile, as many as there is room for."""

    async def tell_piped(run, data):
        out, room, rooms = {"stdout": "", "stderr": ""}, 0, anyio.Event()

        async def send():
            nonlocal data, room, rooms
            while data:
                while not room:
                    await rooms.wait()
                    rooms = anyio.Event()
                piece, data = data[:room], data[room:]
                room -= len(piece)
                await run.pipe_input(piece)
            await run.close_input()

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send)
                async for event in run.events():
                    if isinstance(event, InputCapacity):
                        room += event.size
                        rooms.set()
                    elif isinstance(event, Output):
                        out[event.stream] += event.text
                    elif isinstance(event, Finished):
                        exit_code = event.exit_code
                tasks.cancel_scope.cancel()
        raw = {name: text.encode("utf-8", "surrogateescape") for name, text in out.items()}
        return raw["stdout"], raw["stderr"], exit_code

    return tell_piped


@pytest.mark.parametrize(
    ("command", "data", "printed"),
    [
        ("wc -l", b"a\nb\n", b"2\n"),
        ("cat", b"", b""),
        ("cat", b"no end of line", b"no end of line"),
        ("cat", BINARY, BINARY),
        ("cat >&2; echo out", b"", b"out\n"),
        ("sort", b"b\na\n", b"a\nb\n"),
        ("tar tzf -", archive(), b"inside.txt\n"),
        ('while read x; do echo "<$x>"; done', b"1\n2\n", b"<1>\n<2>\n"),
        ("python3 -", b"print(6 * 7)", b"42\n"),
        ("python3 -c 'print(input(), input())'", b"x\ny\n", b"x y\n"),
        ("head -1", b"first\n" + b"x" * 3_000_000, b"first\n"),
        ("exec <&-; echo closed", b"x" * 3_000_000, b"closed\n"),
        ("cat >/dev/null <&0 & wait; echo over", b"", b"over\n"),
    ],
)
async def test_commands_read_to_the_end(kernel, piped, command, data, printed):
    assert await piped(kernel, data, exec=command) == (printed, b"", 0)


@pytest.mark.parametrize(
    ("code", "data", "printed"),
    [
        ("import sys; print(repr(sys.stdin.read()))", b"a\nb", b"'a\\nb'\n"),
        ("import sys\nfor l in sys.stdin: print(l, end='')", b"a\nb\n", b"a\nb\n"),
        (
            "try:\n  while True: print(input('? '))\nexcept EOFError: print('end')",
            b"a\nb\n",
            b"? a\n? b\n? end\n",
        ),
        ("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()) and None", BINARY, BINARY),
        ("import os; print(len(os.read(0, 10)), os.read(0, 9))", b"x" * 10, b"10 b''\n"),
        ("import subprocess; subprocess.run(['wc', '-l']).returncode", b"a\n", b"1\n0\n"),
        ("import sys; len(sys.stdin.buffer.read())", b"\0" * 5_000_000, b"5000000\n"),
        ("print('nothing is read')", b"x" * 3_000_000, b"nothing is read\n"),
    ],
)
async def test_code_reads_to_the_end(kernel, piped, code, data, printed):
    assert await piped(kernel, data, code=code) == (printed, b"", 0)


async def test_each_run_has_an_input_of_its_own(kernel, piped, query):
    """What one left is not the next one's, and runs that ask go on to ask."""
    code = "import sys; sys.stdin.readline()"
    assert (await piped(kernel, b"a\nb\n", code=code))[0] == b"'a\\n'\n"
    assert (await piped(kernel, b"c\n", code=code))[0] == b"'c\\n'\n"
    assert (await query(kernel, "input()", "typed")).stdout == "'typed'\n"
    assert (await query(kernel, "import os; os.read(0, 1)")).stdout == "b''\n"


@pytest.mark.parametrize("code", ["breakpoint()", "input()", "import pdb; pdb.set_trace()"])
async def test_code_that_asks_without_an_input_ends(kernel, piped, code):
    """A debugger, too, which takes an interrupt for a reason to ask again."""
    _, err, exit_code = await piped(kernel, b"", code=code)
    assert exit_code == 1
    assert b"BdbQuit" in err or b"EOFError" in err


async def test_only_the_last_step_has_the_input(kernel, piped):
    out, _, _ = await piped(kernel, b"data\n", clean="cat", build="wc -c; cat", exec="cat")
    assert out == b"0\ndata\n"


async def test_output_flows_while_input_does(kernel, piped):
    """Much more both ways than all the pipes between hold."""
    data = b"0123456789abcde\n" * (6_000_000 // 16)
    assert (await piped(kernel, data, exec="cat"))[0] == data


@pytest.mark.parametrize("mode", ["query", "batch"])
async def test_a_run_that_reads_can_be_interrupted(kernel, mode, query):
    code = "print('go', flush=True)\nimport sys; sys.stdin.read()"
    run = await kernel.execute(mode, code, {"exec": "echo go; cat"}, piped=True)
    with anyio.fail_after(60):
        async for event in run.events():
            if event == Output("stdout", "go\n"):
                await run.interrupt()
            if isinstance(event, Finished):
                assert event.exit_code == 130
    assert (await query(kernel, "'free'")).stdout == "'free'\n"


async def test_interrupted_input_is_not_taken_for_its_end(kernel, query):
    """Lest half of it be taken for all."""
    run = await kernel.execute("batch", "", {"exec": "cat > got; touch whole"}, piped=True)
    await run.pipe_input(b"half")
    await run.aclose()
    assert (await query(kernel, "1")).stdout == "1\n"
    assert not (kernel.home / "whole").exists()


async def test_a_line_longer_than_the_buffer_ends_its_run(kernel, query):
    run = await kernel.execute("batch", "", {"exec": "sleep 60"})
    await run.send_input("x" * 2 * WINDOW)
    with pytest.raises(EngineError, match="has ended"):
        [event async for event in run.events()]
    await kernel.interrupt()
    assert (await query(kernel, "1")).stdout == "1\n"


async def test_more_input_than_fits_is_refused(kernel, query):
    run = await kernel.execute("batch", "", {"exec": "sleep 60"}, piped=True)
    await run.pipe_input(b"x" * 2 * WINDOW)
    with pytest.raises(EngineError, match="has ended"):
        [event async for event in run.events()]
    assert (await query(kernel, "1")).stdout == "1\n"
