"""What stands behind `|`, `<` and `>` may keep its line waiting, and nothing else."""

import os
import signal
import time
from pathlib import Path

import pytest

CTRL_C = "\x03"
STUCK = [
    "flood | sh -c 'echo be''gun; exec sleep 1000'",
    "echo x | sh -c 'echo be''gun; exec sleep 1000'",
    "echo x > fifo",
    "ask < fifo",
]


@pytest.fixture
def fifo(here):
    """A FIFO in the current folder."""
    os.mkfifo("fifo")
    return here / "fifo"


def stuck(terminal, line):
    """Run a line that waits for something that does not come."""
    terminal.type(f"{line}\r")
    terminal.see("begun" if "begun" in line.replace("''", "") else "\x1b[?2004l")


@pytest.mark.parametrize("line", STUCK)
def test_it_is_interrupted(open_prompt, fifo, line):
    """By Ctrl-C; the prompt goes on."""
    terminal = open_prompt()
    stuck(terminal, line)
    terminal.press_until(CTRL_C, "atoll>")
    terminal.clear()
    terminal.run("echo st'i'll", "still\r\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("line", STUCK)
def test_signals_end_the_prompt(open_prompt, fifo, line, number):
    """As at any other time."""
    terminal = open_prompt()
    stuck(terminal, line)
    os.kill(terminal.child.pid, number)

    assert terminal.ended() == 128 + number


@pytest.mark.parametrize("line", STUCK)
def test_jobs_go_on_meanwhile(open_prompt, fifo, here, line):
    """And are told of."""
    os.mkfifo("other")
    terminal = open_prompt()
    terminal.run("! sh -c 'read x < other; echo to''ld $x' &", "[1]")
    stuck(terminal, line)
    (here / "other").write_text("it\n")
    terminal.see("[1] told it")
    terminal.press_until(CTRL_C, "atoll>")


def test_a_slow_reader_gets_everything(open_prompt, fifo):
    """However much that is."""
    terminal = open_prompt()
    terminal.type("flood | sh -c 'read x < fifo; wc -c'\r")
    fifo.write_text("go\n")
    terminal.see("4194304")
    terminal.ready()


def test_a_reader_that_stops_early(open_prompt):
    """It is no failure of who writes."""
    terminal = open_prompt()
    terminal.run("flood | head -c 5", "xxxxx")
    terminal.type("\x04")

    assert terminal.ended() == 0


def test_files_and_fifos_work(open_prompt, fifo, here):
    """Once the other end is there."""
    terminal = open_prompt()
    terminal.type("echo one > fifo\r")
    assert fifo.read_text() == "one\n"
    terminal.ready()
    terminal.type("ask < fifo\r")
    fifo.write_text("two\n")
    terminal.see("<two>")
    terminal.ready()
    terminal.run("flood > file", "\r")
    terminal.run("echo more >> file", "\r")
    assert (here / "file").stat().st_size == 4194304 + 5


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("echo x > /dev/full", "/dev/full: No space left on device"),
        ("flood > /dev/full", "/dev/full: No space left on device"),
        ("echo x > .", ".: Is a directory"),
        ("ask < .", ".: Is a directory"),
        ("ask < nowhere", "nowhere: No such file or directory"),
    ],
)
def test_unreadable_and_unwritable_files_are_reported(open_prompt, here, line, told):
    """In a line that names it."""
    terminal = open_prompt()
    terminal.run(line, f"atoll: {told}\r\n")


def test_descriptors_are_closed(open_prompt, fifo):
    """Whatever becomes of the lines."""
    terminal = open_prompt()
    folder = Path(f"/proc/{terminal.child.pid}/fd")
    most = 0
    for _ in range(3):
        terminal.run("echo x > file; echo x >> file; echo x | cat; ask < file", "<x>")
        terminal.run("echo x > /dev/full", "No space")
        terminal.run("flood | head -c 5", "xxxxx")
        stuck(terminal, "ask < fifo")
        terminal.press_until(CTRL_C, "atoll>")
        terminal.clear()
        most = most or len(list(folder.iterdir()))
        wait_for_descriptors(folder, most)


def wait_for_descriptors(folder, most):
    """Wait until a process has no more open: it may be writing its history."""
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) > most:
        assert time.monotonic() < deadline
        time.sleep(0.01)
