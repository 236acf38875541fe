"""The lines that are kept, and those that are not."""

import stat
import subprocess
import sys

import pytest

from atoll._shell.history import LineHistory, history_file, read_entries


@pytest.fixture
def history(program):
    """A history that keeps ten lines."""
    return LineHistory(history_file(program.paths), 10, program.tree)


def again(history, program):
    """Return what the next prompt finds, newest first."""
    return list(LineHistory(history.path, 10, program.tree).load_history_strings())


def test_lines_are_kept_for_their_owner_alone(history, program):
    """Line breaks stay, and nobody else can read the file."""
    history.append_string("echo 'one\ntwo'")
    history.append_string("ps")

    assert again(history, program) == ["ps", "echo 'one\ntwo'"]
    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600
    assert all(entry["at"] > 1_700_000_000 for entry in read_entries(history.path))


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


def test_half_an_entry_is_passed_over(history, program):
    """A machine that went down in the middle of a line costs that line alone."""
    history.append_string("ps")
    with history.path.open("a") as file:
        file.write('{"at": 1, "li\n[]\n')
    history.append_string("jobs")

    assert again(history, program) == ["jobs", "ps"]


def test_prompts_write_to_one_file_at_once(history, program):
    """No line of either is lost or torn."""
    program_text = (
        "import sys; from pathlib import Path; from atoll._commands import CommandTree\n"
        "from atoll._plugins import Registry; from atoll._shell.history import LineHistory\n"
        "tree = CommandTree(Registry(print))\n"
        "history = LineHistory(Path(sys.argv[1]), 1000, tree)\n"
        "for number in range(50): history.append_string(f'{sys.argv[2]} {number} ' + 'x' * 5000)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program_text, history.path, name])
        for name in ("a", "b")
    ]

    assert [writer.wait(30) for writer in writers] == [0, 0]
    lines = [entry["line"].split()[:2] for entry in read_entries(history.path)]
    assert sorted(lines) == sorted([name, str(n)] for name in ("a", "b") for n in range(50))


def test_a_home_that_cannot_be_written(program):
    """The prompt goes on, and remembers until it is left."""
    history = LineHistory(program.paths.state / "file" / "history.jsonl", 10, program.tree)
    program.paths.state.mkdir(parents=True)
    (program.paths.state / "file").write_text("in the way")

    history.append_string("ps")

    assert list(history.get_strings()) == ["ps"]
