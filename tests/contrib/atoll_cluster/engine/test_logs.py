"""The log of a kernel: whole up to a bound, told of beyond it, whatever is done to it."""

import os

import pytest

from atoll_cluster.engine import log
from atoll_cluster.engine.supervisor.log import LIMIT, Log

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


async def test_the_log_has_the_output_of_all_runs(engine, started, query, batch, printed):
    async with started(engine) as kernel:
        await query(kernel, "print('one')\n1/0")
        await batch(kernel, exec="echo two; echo three >&2")
        logs = await printed(engine)
        assert logs.startswith("one\nTraceback")
        assert "two\n" in logs
        assert "three\n" in logs


async def test_output_is_in_the_log_at_once(engine, started, query, printed):
    async with started(engine) as kernel:
        for number in range(20):
            await query(kernel, f"print('line {number}')")
            assert (await printed(engine)).endswith(f"line {number}\n")
        await kernel.stop(forced=True)
        assert (await printed(engine)).endswith("line 19\n")


async def test_programs_in_the_background_may_print_after_the_end_of_their_run(
    engine, started, batch, printed
):
    """To the log; without a reader, the first line would end them."""
    left = "(read x < go; echo late; echo alive > it) &"
    wait = "echo > go; for i in $(seq 3000); do [ -s it ] && break; sleep 0.02; done; cat it"
    async with started(engine) as kernel:
        await batch(kernel, exec=f"mkfifo go; {left}")
        assert (await batch(kernel, exec=wait)).stdout == "alive\n"
        assert "late\n" in await printed(engine)


async def test_two_megabytes_are_logged_completely(engine, started, batch, printed):
    async with started(engine) as kernel:
        assert (await batch(kernel, exec="seq 1 300000")).exit_code == 0
        assert await printed(engine) == "".join(f"{number}\n" for number in range(1, 300_001))


async def test_a_log_above_its_limit_is_cut_at_a_line(make_engine, started, batch, printed):
    engine = make_engine()
    async with started(engine) as kernel:
        assert (await batch(kernel, exec="seq -w 1 6000000; echo the end")).exit_code == 0
        note, *lines, last, nothing = (await printed(engine)).split("\n")
    assert "last 16 MiB" in note
    assert (last, nothing) == ("the end", "")
    assert lines == [f"{number:07}" for number in range(int(lines[0]), 6_000_001)]
    assert 15 * MIB < sum(map(len, lines)) + len(lines) <= 16 * MIB
    files = list(engine.root.glob("k1/log*"))
    assert sum(file.stat().st_size for file in files) < 2 * LIMIT + MIB


ATTACKS = {
    "a terabyte that is not there": "os.truncate(f'/proc/{os.getppid()}/fd/1', 1 << 40)",
    "a hole": "os.pwrite(os.open(f'/proc/{os.getppid()}/fd/1', os.O_WRONLY), b'x', 1 << 40)",
    "emptied": "open(f'/proc/{os.getppid()}/fd/1', 'wb').close()",
    "not waited for": "os.open(f'/proc/{os.getppid()}/fd/1', os.O_WRONLY | os.O_NONBLOCK)",
}
"""What a session can try with the log of the program that is its parent."""


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_session_cannot_access_its_log(engine, started, query, printed, attack):
    async with started(engine) as kernel:
        await query(kernel, "print('before')")
        await query(kernel, f"import os\n{attack}")
        assert (await query(kernel, "print('after')")).stdout == "after\n"
        logs = await printed(engine)
    assert logs.startswith("before\n")
    assert logs.endswith("after\n")
    assert sum(file.stat().st_size for file in engine.root.glob("k1/log*")) < 2 * LIMIT


def sparse(path):
    os.truncate(path, 1 << 40)


def fifo(path):
    path.unlink()
    os.mkfifo(path)


def link(path):
    path.unlink()
    path.symlink_to("/etc/passwd")


def endless(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def folder(path):
    path.unlink()
    path.mkdir()


def gone(path):
    path.unlink()


REPLACEMENTS = [sparse, fifo, link, endless, folder, gone]


@pytest.mark.parametrize("replace", REPLACEMENTS)
async def test_a_file_that_was_replaced_is_harmless(make_engine, started, query, printed, replace):
    """As a plain process can do; what is printed later may be lost, but nothing else is."""
    engine = make_engine(plain=True)
    async with started(engine) as kernel:
        await query(kernel, "print('before')")
        replace(engine.root / "k1" / "log")
        assert (await query(kernel, "print('after')")).stdout == "after\n"
        logs = await printed(engine)
        assert "root:" not in logs
        assert len(logs) <= LIMIT + 1024
        await kernel.stop()
    kernel = await engine.restart(kernel.spec)
    assert (await query(kernel, "print('again')")).stdout == "again\n"
    await kernel.stop(forced=True)


def kept(tmp_path, *pieces):
    """Write pieces as a supervisor does, and read the log."""
    keeper = Log(str(tmp_path / "log"))
    for piece in pieces:
        os.write(keeper.writing, piece)
        keeper.take()
    os.close(keeper.writing)
    os.close(keeper.reading)
    return b"".join(log.read(tmp_path / "log"))


def test_after_a_gap_the_log_starts_again(tmp_path):
    kept(tmp_path, b"before\n")
    sparse(tmp_path / "log")
    found = kept(tmp_path, b"after\n")
    assert found.endswith(b"after\n")
    assert len(found) <= LIMIT + 1024
    assert (tmp_path / "log").stat().st_size == len(b"after\n")


@pytest.mark.parametrize(
    ("line", "begin"),
    [(b"abc\n", b"abc\n"), (b"a" * 99, b"aaa"), ("€".encode() * 333, "€€".encode())],
)
def test_the_cut_is_at_a_line_or_at_a_character(tmp_path, monkeypatch, line, begin):
    monkeypatch.setattr(log, "LIMIT", 100_000)
    found = kept(tmp_path, *[line] * (100_007 // len(line) + 1))
    note, rest = found.split(b"\n", 1)
    assert note.startswith(b"[more was printed before")
    assert rest.startswith(begin)
    rest.decode()


def test_a_full_disk_affects_only_the_log(tmp_path, monkeypatch):
    keeper = Log(str(tmp_path / "log"))

    def full(*_):
        raise OSError(28, "No space left on device")

    os.write(keeper.writing, b"lost\n")
    with monkeypatch.context() as patch:
        patch.setattr(keeper, "_keep", full)
        assert keeper.take()
    os.write(keeper.writing, b"kept\n")
    assert keeper.take()
    assert b"".join(log.read(tmp_path / "log")) == b"kept\n"
