"""The lines that are kept, and those that are not."""

import fcntl
import os
import stat
import subprocess
import sys
import time

import pytest

from atoll._shell.entries import Entry, cut, history_file, read_entries
from atoll._shell.history import LineHistory

PATIENCE = 60


@pytest.fixture
def history(program):
    """A history that keeps ten lines."""
    return LineHistory(history_file(program.paths), 10, program.tree)


def again(history, program):
    """Return what the next prompt finds, newest first."""
    history.flush(PATIENCE)
    return list(LineHistory(history.path, 10, program.tree).load_history_strings())


def test_lines_are_kept_for_their_owner_alone(history, program):
    """Line breaks stay, and nobody else can read the file."""
    history.append_string("echo 'one\ntwo'")
    history.append_string("ps")

    assert again(history, program) == ["ps", "echo 'one\ntwo'"]
    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600
    assert all(entry.at > 1_700_000_000 for entry in read_entries(history.path))


@pytest.mark.parametrize(
    "line",
    [
        " echo private",
        "login hunter2",
        "atoll login hunter2",
        "echo x; login 'hunter",
        "login && echo",
        "profile add lab --endpoint https://lab.example",
        "echo --secret-key hunter2",
        "run -e TOKEN=hunter2 python",
        "run -e 'HF_TOKEN=hunter two' python",
        "run -e db_password=hunter2 python",
    ],
)
def test_secrets_are_not_kept(history, program, line):
    """Neither in the file nor for the keys; a line that is wrong may hold a secret too."""
    history.append_string(line)

    assert again(history, program) == []
    assert list(history.get_strings()) == []


def test_old_lines_are_dropped(history, program):
    """The file does not grow for ever."""
    for number in range(30):
        history.append_string(f"echo {number}")

    assert again(history, program) == [f"echo {number}" for number in range(29, 19, -1)]
    assert len(read_entries(history.path)) == 10


@pytest.mark.parametrize(
    "torn",
    [
        '{"at": 1, "li',
        '{"at": 1, "line": "whole but for its end"}',
        '{"at": 1, "line": 3}\n[]\n"x"\n{}\n',
        '{"at": "soon", "line": "x"}\n{"at": 1e999, "line": "x"}\n{"at": NaN, "line": "x"}\n',
        '{"at": 1, "line": "x", "id": ["x"]}\n{"id": 4, "code": 0}\n{"id": "x", "code": 0}\n',
        "[" * 100_000,
        "\0\0\0\0",
        "\udcff\udcfe",
    ],
)
def test_invalid_entries_are_ignored(history, program, torn):
    """It costs neither the line before nor the line after."""
    history.append_string("ps")
    history.flush(PATIENCE)
    with history.path.open("a", errors="surrogateescape") as file:
        file.write(torn)
    history.append_string("jobs")

    assert [line for line in again(history, program) if "whole" not in line] == ["jobs", "ps"]


def test_entries_of_earlier_releases(history, program):
    """They have no folder and no end."""
    history.path.parent.mkdir(parents=True)
    history.path.write_text('{"at": 1700000000.5, "line": "ps"}\n' * 2)

    assert again(history, program) == ["ps", "ps"]
    assert read_entries(history.path)[0] == Entry(1700000000.5, "ps")


def test_a_line_has_its_folder_and_its_end(history, here):
    """Added to the file as they become known, and kept when the file is cut."""
    history.append_string("ps --all")
    history.record_end(3, 1.23456)
    history.flush(PATIENCE)
    (entry,) = read_entries(history.path)
    assert (entry.folder, entry.exit_code, entry.seconds) == (str(here), 3, 1.235)
    cut(history.path, 10)
    assert read_entries(history.path) == [entry]


def test_the_end_of_a_secret_line_is_not_stored(history):
    """Nor does the line before get it."""
    history.append_string("ps")
    history.append_string("login hunter2")
    history.record_end(4, 1.0)
    history.flush(PATIENCE)

    (entry,) = read_entries(history.path)
    assert entry.exit_code is None


def test_lines_to_be_ignored(program):
    """By the patterns of a setting."""
    history = LineHistory(history_file(program.paths), 10, program.tree, ["jobs*", "ps"])
    for line in ("jobs", "jobs cancel 3", "ps", "ps -a"):
        history.append_string(line)

    assert history.get_strings() == ["ps -a"]


def test_lines_of_other_prompts_come_when_they_are_read(history, program):
    """Not before; our own stay the newest."""
    history.read()
    other = LineHistory(history.path, 10, program.tree)
    other.append_string("theirs")
    other.flush(PATIENCE)
    history.append_string("ours")
    history.flush(PATIENCE)
    assert history.get_strings() == ["ours"]

    assert history.read() == 1
    assert history.get_strings() == ["theirs", "ours"]


def test_a_lock_of_a_stopped_process(history, program):
    """Lines are written in the end, and nobody waits for that while typing."""
    history.path.parent.mkdir(parents=True)
    with history.path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        for number in range(50):
            history.append_string(f"echo {number}")
        assert time.monotonic() - began < 0.5
        history.flush(PATIENCE)

        assert len(read_entries(history.path)) == 50


def test_prompts_write_to_one_file_at_once(history, program):
    """No line of either is lost or torn."""
    program_text = (
        "import sys; from pathlib import Path; from atoll._commands import CommandTree\n"
        "from atoll._plugins import Registry; from atoll._shell.history import LineHistory\n"
        "tree = CommandTree(Registry(print))\n"
        "history = LineHistory(Path(sys.argv[1]), 1000, tree)\n"
        "for number in range(50): history.append_string(f'{sys.argv[2]} {number} ' + 'x' * 5000)\n"
        "history.flush(30)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program_text, history.path, name])
        for name in ("a", "b")
    ]

    assert [writer.wait(30) for writer in writers] == [0, 0]
    lines = [entry.line.split()[:2] for entry in read_entries(history.path)]
    assert sorted(lines) == sorted([name, str(n)] for name in ("a", "b") for n in range(50))


def test_an_unwritable_home(program):
    """The prompt goes on, and remembers until it is left."""
    history = LineHistory(program.paths.state / "file" / "history.jsonl", 10, program.tree)
    program.paths.state.mkdir(parents=True)
    (program.paths.state / "file").write_text("in the way")

    history.append_string("ps")

    assert list(history.get_strings()) == ["ps"]


@pytest.mark.parametrize("kind", ["fifo", "folder", "binary", "nested", "long"])
def test_an_invalid_history_file(tmp_path, kind):
    """Is waited for by nobody, and holds what can be read of it."""
    path = tmp_path / "history.jsonl"
    line = '{"at": 1, "line": "ps"}\n'
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "binary":
            path.write_bytes(b"\xff\xfe\x00\n" + line.encode())
        case "nested":
            path.write_text("[" * 100_000 + "\n" + line)
        case "long":
            path.write_text('{"at": 1, "line": "' + "x" * 2_000_000 + '"}\n' + line)

    found = [one.line for one in read_entries(path)]

    assert found == ([] if kind in ("fifo", "folder") else ["ps"])


def test_a_prompt_that_is_open_for_long(history):
    """It keeps the newest of its own lines, in the file all of them."""
    for number in range(1000):
        history.append_string(f"print {number}")
        history.record_end(0, 0.1)

    assert len(history.get_strings()) <= 120
    assert history.get_strings()[-1] == "print 999"
    history.flush(PATIENCE)
    found = history.entries()
    assert [entry.line for entry in found] == [f"print {number}" for number in range(1000)]
    assert all(entry.exit_code == 0 for entry in found)
