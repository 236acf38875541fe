"""The prompt on a real terminal: keys go in, and what a user would see comes out."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from atoll._shell.entries import read_entries

DEADLINE = 60
CTRL_C, CTRL_D, UP, TAB = "\x03", "\x04", "\x1b[A", "\t"
LINE_IS_TAKEN = "\x1b[?2004l"


def test_lines_are_run_and_kept(open_prompt, home):
    """Several statements a line, several lines an entry; the history is the user's alone."""
    terminal = open_prompt()
    terminal.run("echo one-$((1)); echo t'w'o", "two\r\n")
    terminal.type("echo 'a\r")
    terminal.see("......")
    terminal.type("b'\r")
    terminal.see("a\r\nb\r\n")
    terminal.ready()
    terminal.type(" echo pri'vate'\r")
    terminal.see("private")
    terminal.ready()
    terminal.type(CTRL_D)

    assert terminal.ended() == 0
    history = home / "state" / "history.jsonl"
    lines = [entry.line for entry in read_entries(history)]
    assert lines == ["echo one-$((1)); echo t'w'o", "echo 'a\nb'"]
    assert history.stat().st_mode & 0o777 == 0o600


def test_an_error_ends_neither_the_shell_nor_the_line(open_prompt):
    """It is told in one line, and Up brings the line back."""
    terminal = open_prompt()
    terminal.run("echo x; ; echo y", "a command is missing before")
    terminal.run("nope", "no such command: nope")
    terminal.run("broken", "plugin 'prompted'")
    terminal.type(UP + UP)
    terminal.see("nope")
    terminal.type("\x15exit 7\r")

    assert terminal.ended() == 7


def test_a_block_goes_on_until_its_brace_is_closed(open_prompt):
    """Enter goes on to the next line; what is kept stays, and the code of the last line."""
    terminal = open_prompt()
    terminal.type("for x in 1 2 {\r")
    terminal.see("......")
    terminal.type("echo turn-$x &&\r")
    terminal.see("......")
    terminal.type("nope || let y = code-$?\r")
    terminal.see("......")
    terminal.type("}\r")
    terminal.see("turn-1\r\n")
    terminal.see("turn-2\r\n")
    terminal.ready()
    terminal.run("echo $x $y", "2 code-2\r\n")
    terminal.run("echo $z", "there is no variable z")
    assert terminal.leave() == 0


@pytest.mark.parametrize(
    "what", ["! (echo turn-$x; sleep 60)", "let y = ! (echo turn-$x >&2; sleep 60)"]
)
def test_ctrl_c_ends_a_loop(open_prompt, what):
    """The whole of it, and the rest of the line."""
    terminal = open_prompt()
    terminal.type(f"for x in 1 2 {{ {what}; echo n'e'ver }}; echo n'e'ver\r")
    terminal.see("turn-1\r\n")
    terminal.type(CTRL_C)
    terminal.ready()
    terminal.type("echo al'w'ays $?\r")

    seen = terminal.see("always 130\r\n")
    assert "never" not in seen
    assert "turn-2" not in seen


def test_ctrl_c_between_two_statements_ends_a_loop(open_prompt):
    """Of short ones there may be many."""
    terminal = open_prompt()
    terminal.type("echo beg'i'ns; for x in $(! seq 100000) { let y = $x }; echo n'e'ver\r")
    terminal.see("begins\r\n")
    terminal.press_until(CTRL_C, "environment")
    terminal.ready()
    assert "never" not in terminal.written()


def test_the_rest_of_a_line_is_not_run_after_a_failure(open_prompt):
    """As in a script."""
    terminal = open_prompt()
    terminal.type("nope; echo n'e'ver\r")
    terminal.see("no such command")
    terminal.type("echo al'w'ays\r")

    assert "never" not in terminal.see("always\r\n")


def test_ctrl_c_clears_the_line(open_prompt):
    """At the prompt; the shell stays."""
    terminal = open_prompt()
    terminal.type("echo 'unfinished")
    terminal.see("unfinished")
    terminal.clear()
    terminal.run("echo st'i'll", "still\r\n")


def test_ctrl_c_ends_the_command_alone(open_prompt):
    """While it runs."""
    terminal = open_prompt()
    terminal.type("linger\r")
    terminal.see("waiting")
    terminal.type(CTRL_C)
    terminal.ready()
    terminal.run("echo st'i'll", "still\r\n")


def test_ctrl_c_from_outside(open_prompt):
    """A signal is no more than the key."""
    terminal = open_prompt()
    os.kill(terminal.child.pid, signal.SIGINT)
    terminal.run("echo st'i'll", "still\r\n")


def test_ctrl_c_ends_no_prompt(open_prompt):
    """Least of all between a line and its command; nor is there an error of it."""
    terminal = open_prompt()
    for _ in range(30):
        terminal.type("echo one\r")
        terminal.see(LINE_IS_TAKEN)
        os.kill(terminal.child.pid, signal.SIGINT)
        terminal.ready()
    terminal.run("echo st'i'll", "still\r\n")

    assert "Traceback" not in terminal.written()


def test_jobs_write_above_the_prompt(open_prompt):
    """Line by line, with their number; the line that is being typed stays."""
    terminal = open_prompt()
    terminal.type("drip &\r")
    terminal.see("[1] drip &\r\n")
    terminal.see("[1] one two\r\n")
    terminal.see("[1] three\r\n")
    terminal.see("[1] done: drip &\r\n")
    terminal.run("jobs", "done")


def test_commands_of_the_system(open_prompt):
    """They have the terminal, and Ctrl-C; a name of one is told from a mistake."""
    terminal = open_prompt()
    terminal.run("!test -t 0 && test -t 1 && echo it is $((40 + 2))", "it is 42\r\n")
    # A shell that is just about to start a program may leave Ctrl-C to it, too early for it.
    terminal.type("!echo 'sle'eps && exec sleep 100\r")
    terminal.see("sleeps")
    terminal.type(CTRL_C)
    terminal.ready()
    terminal.run("uname -a", "no such command: uname (! uname runs the system's)")
    terminal.type(CTRL_D)

    assert terminal.ended() == 0


@pytest.mark.parametrize("job", ["linger", "! sleep 1000"])
@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (CTRL_D, CTRL_D, 0),
        ("exit 7\r", "exit 7\r", 7),
        ("exit 7\r", CTRL_D, 7),
        ("quit\r", "exit 3\r", 3),
        (CTRL_D, "quit\r", 0),
    ],
)
def test_leaving_jobs_behind(open_prompt, job, first, second, code):
    """They are told of once; leaving again interrupts them, with the code that was asked for."""
    terminal = open_prompt()
    terminal.run(f"{job} &", "[1]")
    terminal.type(first)
    terminal.see("a job is running: leaving again interrupts it")
    terminal.ready()
    terminal.type(second)

    assert terminal.ended() == code


def test_leaving_jobs_behind_after_a_look_at_them(open_prompt):
    """Who has done something else meanwhile is told again."""
    terminal = open_prompt()
    terminal.run("linger &", "[1]")
    terminal.type("exit 7\r")
    terminal.see("a job is running")
    terminal.ready()
    terminal.run("jobs", "linger &")
    terminal.type("exit 8\r")
    terminal.see("a job is running")
    terminal.ready()
    terminal.type("exit 8\r")

    assert terminal.ended() == 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("line", ["", "linger", "ask --hidden"])
def test_signals_leave_the_terminal_as_it_was(open_prompt, number, line):
    """At the prompt, while a command runs, and while a secret is typed."""
    terminal = open_prompt()
    if line:
        terminal.type(line + "\r")
        terminal.see("waiting" if line == "linger" else "answer: ")
    os.kill(terminal.child.pid, number)

    assert terminal.ended() == 128 + number


def test_a_closed_terminal(home, tmp_path):
    """The shell ends, without a word of complaint."""
    program = str(Path(__file__).with_name("open_prompt.py"))
    terminal, other_end = pty.openpty()
    with (tmp_path / "errors").open("w+") as errors:
        shell = subprocess.Popen(
            [sys.executable, program],
            env={**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm"},
            stdin=other_end,
            stdout=other_end,
            stderr=errors,
            start_new_session=True,
        )
        os.close(other_end)
        shown = b""
        while b"atoll>" not in shown:
            shown += os.read(terminal, 1000)
        os.close(terminal)

        assert shell.wait(DEADLINE) == 0
        errors.seek(0)
        assert len(errors.read().splitlines()) == 1


def test_commands_read_from_the_terminal(open_prompt):
    """What is hidden is not echoed; the prompt works on afterwards."""
    terminal = open_prompt()
    terminal.type("ask\r")
    terminal.see("answer: ")
    terminal.type("shown\r")
    terminal.see("shown\r\n<shown>")
    terminal.ready()
    terminal.type("ask --hidden\r")
    terminal.see("answer: ")
    assert terminal.child.waitnoecho(DEADLINE)
    terminal.type("hunter2\r")
    assert "hunter2" not in terminal.see("<hunter2>")
    terminal.ready()
    terminal.run("echo st'i'll", "still\r\n")


def test_tab_completes(open_prompt):
    """Commands at once, names as soon as the cluster has told them."""
    terminal = open_prompt()
    terminal.type("thi" + TAB)
    terminal.see("ng")
    terminal.type(" sh" + TAB)
    terminal.see("ow")
    terminal.type(" alp")
    terminal.press_until(TAB, "ha")


def test_the_toolbar(open_prompt):
    """It fits the terminal; a segment that fails is told of above the prompt, once."""
    terminal = open_prompt(columns=30, PROMPT_TOOLKIT_NO_CPR="")
    # The toolbar is drawn once the terminal has told where its cursor is.
    terminal.type("\x1b[3;1R")
    terminal.see("environment | steady 0")
    terminal.see("'shaky' raised")
    terminal.ready()
    terminal.type("\x1b[8;1Rnope\r")
    terminal.see("no such command")
    terminal.ready()
    terminal.type("\x1b[12;1R")
    terminal.see("environment | exit 2")


def test_no_color(open_prompt):
    """Nothing is coloured then."""
    terminal = open_prompt(NO_COLOR="1")
    terminal.type("nope 'x'\r")

    shown = terminal.see("no such command")
    assert not any(f"\x1b[0;{code}" in shown for code in ("31", "32", "36"))


def test_vi_keys(open_prompt):
    """By setting."""
    terminal = open_prompt(ATOLL_SHELL_EDIT_MODE="vi")
    terminal.type("echo ab")
    terminal.see("b")
    terminal.type("\x1b")
    terminal.type("xae'c'\r")
    terminal.see("aec\r\n")


def test_a_terminal_that_cannot_move_its_cursor(open_prompt):
    """It gets lines as they are, without escape sequences."""
    terminal = open_prompt(TERM="dumb")
    terminal.type("echo 'a\r")
    terminal.see("...... ")
    terminal.type("b'\r")
    assert "\x1b" not in terminal.see("a\r\nb\r\n")
    terminal.ready()
    terminal.type("linger\r")
    terminal.see("waiting")
    terminal.type(CTRL_C)
    terminal.ready()
    terminal.type("half" + CTRL_C)
    terminal.ready()
    terminal.type(CTRL_D)

    assert terminal.ended() == 0
