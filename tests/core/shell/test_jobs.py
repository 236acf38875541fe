"""Jobs of a prompt, and programs of the system that have its terminal."""

import errno
import os
import shutil
import signal
import sys
import termios
from pathlib import Path

import pytest
import trio

from atoll._jobs import Jobs
from atoll.testing import Prompt

CTRL_C, CTRL_R, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x12", "\x1a", "\x1c"
WAITS = "! sh -c 'read x < fifo; echo to''ld $x'"
"""Waits until something is written into the FIFO."""


@pytest.fixture
def fifo(here):
    """A FIFO in the current folder."""
    os.mkfifo("fifo")
    return here / "fifo"


def test_a_job_keeps_its_folder(open_prompt, fifo):
    """Programs of the system and commands alike, whatever `cd` does meanwhile."""
    (fifo.parent / "below").mkdir()
    terminal = open_prompt()
    terminal.run("! sh -c 'read x < fifo; pwd' &", "[1]")
    terminal.run("cd below", "below\r\n")
    terminal.type("! echo > ../fifo\r")
    terminal.see(f"[1] {fifo.parent}\r\n")
    terminal.see("[1] done")
    terminal.run("cd ..", "\r\n")
    terminal.run("ask < fifo > answers &", "[2]")
    terminal.run("cd below", "below\r\n")
    terminal.type("! echo > ../fifo yes\r")
    terminal.see("[2] done")

    assert "<yes>" in (fifo.parent / "answers").read_text()


def test_ctrl_z_stops_a_program_and_fg_brings_it_back(open_prompt):
    """It has the terminal again then."""
    terminal = open_prompt()
    # One process, which is stopped as a whole before the next key is pressed.
    terminal.type("! echo be'gun' && read x && echo g'ot' $x\r")
    terminal.see("begun")
    terminal.type(CTRL_Z)
    terminal.see("[1] stopped: ")
    terminal.ready()
    terminal.run("jobs", "stopped")
    terminal.type("fg\r")
    terminal.see("! echo")
    terminal.type("word\r")
    terminal.see("got word\r\n")
    terminal.ready()
    terminal.run("fg", "there is no job")


def test_a_stopped_program_continues_in_the_background(open_prompt, fifo):
    """By `bg`; its end is told."""
    terminal = open_prompt()
    terminal.type("! echo be'gun' && read x < fifo\r")
    terminal.see("begun")
    terminal.type(CTRL_Z)
    terminal.see("stopped")
    terminal.ready()
    terminal.run("bg", "[1] ! echo")
    terminal.run("jobs", "running")
    fifo.write_text("x\n")
    terminal.see("[1] done")


def test_ctrl_z_moves_a_command_to_the_background(open_prompt, fifo):
    """It goes on there as a job, with the profile and the variables that it had, until `fg`."""
    terminal = open_prompt()
    terminal.type("let x = one; ask < fifo; print $x\r")
    terminal.see("\r\n")
    writing = fifo.open("w")  # the command reads now
    terminal.type(CTRL_Z)
    terminal.see("[1] goes on in the background: let x = one; ask < fifo; print $x (fg %1 brings")
    terminal.ready()
    terminal.run("let x = two", "\r\n")
    terminal.run("cd ..", "job 1 uses this folder")
    terminal.run("kill -s STOP %1", "job 1 runs in atoll itself")
    terminal.type("print $x; wait\r")
    terminal.see("two\r\n")
    writing.write("it\n")
    writing.close()
    terminal.see("[1] answer: <it>\r\n")
    terminal.see("[1] one\r\n")
    terminal.see("[1] done")
    terminal.ready()
    terminal.type("linger\r")
    terminal.see("waiting")
    terminal.type(CTRL_Z)
    terminal.see("[1] goes on")
    terminal.ready()
    terminal.run("bg", "[1] linger")
    terminal.type("fg\r")
    terminal.see("linger\r\n")
    terminal.type(CTRL_C)
    terminal.ready()
    terminal.run("fg", "there is no job")


@pytest.mark.parametrize("line", ["ask", "ask --hidden"])
def test_a_question_waits_in_the_background(open_prompt, line):
    """Until `fg`, which shows it again."""
    terminal = open_prompt()
    terminal.type(f"{line}\r")
    terminal.see("answer: ")
    terminal.type(CTRL_Z)
    terminal.see("[1] stopped: ")
    terminal.ready()
    terminal.run("bg", "job 1 needs the terminal (fg %1)")
    terminal.type("fg\r")
    terminal.see(f"{line}\r\nanswer: ")
    terminal.type("it\r")
    terminal.see("<it>\r\n")
    terminal.ready()
    terminal.type(f"{line}\r")
    terminal.see("answer: ")
    terminal.type(CTRL_Z)
    terminal.see("stopped")
    terminal.ready()
    terminal.type("kill %1\r")
    terminal.see("[1] failed (130)")


def test_a_job_in_the_foreground_takes_ctrl_c(open_prompt):
    """A command as well as a program; the prompt stays."""
    terminal = open_prompt()
    for line in ("linger", "! sleep 1000"):
        terminal.run(f"{line} &", "[1]")
        terminal.type("fg\r")
        terminal.see(f"{line} &\r\n")
        terminal.type(CTRL_C)
        terminal.ready()
    terminal.run("fg", "there is no job")


def test_ending_jobs(open_prompt):
    """By their numbers, by how their lines begin, and by a signal."""
    terminal = open_prompt()
    terminal.run("linger &", "[1]")
    terminal.see("[1] waiting")
    terminal.run("! sleep 1000 &", "[2]")
    terminal.run("! exec sleep 2000 &", "[3]")
    terminal.type("kill %1\r")
    terminal.see("[1] failed (130): linger")
    terminal.type("kill '%! sleep'\r")
    terminal.see("[2] failed (130): ! sleep 1000")
    terminal.type("kill -s KILL %3\r")
    terminal.see("[3] failed (137)")
    terminal.run("kill %3", "job 3 has ended")
    terminal.run("kill %9", "no job 9")


def test_waiting_for_jobs(open_prompt, fifo):
    """For all of them, for one, and for whichever ends first."""
    terminal = open_prompt()
    terminal.run("! sh -c 'read x < fifo; exit $x' &", "[1]")
    terminal.run("! sleep 1000 &", "[2]")
    terminal.type("wait -n\r")
    terminal.see("waiting for jobs")
    fifo.write_text("7\n")
    terminal.see("[1] failed (7)")
    terminal.ready()
    terminal.type("wait\r")
    terminal.see("waiting for jobs")
    terminal.type(CTRL_C)
    terminal.ready()
    terminal.run("jobs", "sleep 1000")


def test_the_limit_of_running_jobs(open_prompt, fifo):
    """The others wait as queued; what waits can be ended, or brought to the foreground."""
    terminal = open_prompt(ATOLL_SHELL_JOBS_LIMIT="1")
    terminal.run(f"{WAITS} &", "[1]")
    terminal.run("echo se'co'nd &", "[2]")
    terminal.run("echo third &", "[3]")
    terminal.run("jobs", "queued")
    terminal.type("kill %3\r")
    terminal.see("[3] failed (130)")
    fifo.write_text("one\n")
    terminal.see("[1] told one")
    terminal.see("[2] second")
    terminal.see("[2] done")
    terminal.run("jobs limit 2", "jobs: 2 at a time")


def test_a_job_writes_on_lines_of_its_own(open_prompt, fifo):
    """Also while a command has left its line unfinished."""
    terminal = open_prompt()
    terminal.run(f"{WAITS} &", "[1]")
    terminal.type("begin\r")
    terminal.see("begun")
    fifo.write_text("it\n")
    terminal.see("\r\n[1] told it\r\n")
    terminal.type(CTRL_C)
    terminal.ready()


def test_a_job_writes_when_a_program_has_given_the_terminal_back(open_prompt, fifo):
    """So that an editor's screen stays whole."""
    terminal = open_prompt()
    terminal.run(f"{WAITS} &", "[1]")
    terminal.type("! sh -c 'echo be''gun; read x; printf h''alf'\r")
    terminal.see("begun")
    fifo.write_text("it\n")
    terminal.type("\r")
    shown = terminal.see("[1] told it\r\n")
    assert "half" in shown
    assert "\r" in shown[shown.index("half") :]
    terminal.see("[1] done")


def test_ctrl_backslash_is_the_commands(open_prompt):
    """Programs and commands end by it; the prompt stays."""
    terminal = open_prompt()
    terminal.type("! echo be'gun' && exec sleep 1000\r")
    terminal.see("begun")
    terminal.type(CTRL_BACKSLASH)
    terminal.ready()
    terminal.type("linger\r")
    terminal.see("waiting")
    terminal.type(CTRL_BACKSLASH)
    terminal.ready()
    terminal.run("echo st'i'll", "still\r\n")


async def test_a_job_that_cannot_start_is_reported(capsys):
    """It is that job alone which fails."""

    async def start(_job):
        raise OSError(errno.EMFILE, "Too many open files")

    async with trio.open_nursery() as nursery:
        jobs = Jobs(nursery)
        job = jobs.start("! make", start)
        await job.settled()

    assert (job.state, job.exit_code) == ("failed", 1)
    assert capsys.readouterr().err == "atoll: ! make: Too many open files\n"


def test_a_program_gets_a_new_terminal_size(open_prompt):
    """And the prompt has it afterwards."""
    terminal = open_prompt()
    terminal.type("! trap 'stty size' WINCH && echo be'gun' && while :; do sleep 0.1; done\r")
    terminal.see("begun")
    terminal.child.setwinsize(20, 60)
    terminal.see("20 60\r\n")
    terminal.type(CTRL_C)
    terminal.ready()
    terminal.run("! stty size", "20 60\r\n")


def test_signals_end_the_prompt_and_its_jobs(open_prompt, here):
    """Programs that are stopped among them."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        terminal = open_prompt()
        terminal.type("! echo pid-$$- && exec sleep 1000\r")
        terminal.see("pid-")
        stopped = terminal.see("-\r\n")
        terminal.type(CTRL_Z)
        terminal.see("[1] stopped")
        terminal.ready()
        terminal.type("! echo pid-$$- && exec sleep 1000 &\r")
        terminal.see("[2] pid-")
        running = terminal.see("-\r\n")
        os.kill(terminal.child.pid, number)
        assert terminal.ended() == 128 + number
        for pid in (stopped, running):
            assert not Path(f"/proc/{pid.rpartition('pid-')[2]}").exists()


def test_jobs_end_with_a_prompt_that_is_killed(open_prompt, fifo):
    """A command notices, and puts its things away."""
    terminal = open_prompt()
    terminal.run("linger > fifo &", "[1]")
    with fifo.open() as reading:
        assert reading.readline() == "waiting\n"
        os.kill(terminal.child.pid, signal.SIGKILL)
        assert reading.read() == ""


def test_the_terminal_is_put_right_after_a_program(open_prompt):
    """Its modes, its screen, the mouse: a killed editor leaves them all wrong."""
    terminal = open_prompt()
    before = modes(terminal, "! true")
    wrong = r"stty -isig -echo && printf '\033[?1049h\033[?1000h'"
    assert modes(terminal, f"! {wrong} && kill -9 $$", "\x1b[?1047l\x1b[?1000l") == before
    terminal.type("linger\r")
    terminal.see("waiting")
    terminal.type(CTRL_C)
    terminal.ready()


def modes(terminal, line, shown="\r"):
    """Run a line; returns the modes of the terminal for commands that run then."""
    terminal.run(line, shown)
    terminal.type("begin\r")
    terminal.see("begun")
    found = termios.tcgetattr(terminal.child.child_fd)
    terminal.type(CTRL_C)
    terminal.ready()
    return found


@pytest.fixture
def in_a_shell(home):
    """A prompt that was started from a shell, which says when it has the terminal again."""
    program = Path(__file__).with_name("open_prompt.py")
    started = f"{sys.executable} {program}; stty -a | grep -o .icanon; echo 'out'er; fg; echo over"
    environ = {"PROMPT_TOOLKIT_NO_CPR": "1", "BACKEND_ENDPOINT": "http://127.0.0.1:9"}
    terminal = Prompt.open([shutil.which("bash"), "--norc", "-ic", started], environ)
    yield terminal
    terminal.close()


@pytest.mark.parametrize("how", ["key", "signal", "list"])
def test_ctrl_z_at_the_prompt_stops_atoll(in_a_shell, how):
    """The shell that it was started from has a terminal as it was; what was typed is still there
    afterwards.
    """
    in_a_shell.type("! echo pid-$PPID-\r")
    in_a_shell.see("pid-")
    pid = in_a_shell.see("-\r\n").rpartition("pid-")[2]
    in_a_shell.ready()
    in_a_shell.type("echo st'i'll")
    in_a_shell.see("ll")
    if how == "list":
        in_a_shell.type(CTRL_R)
        in_a_shell.see("search:")
    if how == "signal":
        os.kill(int(pid), signal.SIGTSTP)
    else:
        in_a_shell.type(CTRL_Z)
    assert "-icanon" not in in_a_shell.see("outer")
    if how == "list":
        in_a_shell.see("search:")
        in_a_shell.type(CTRL_C)
    in_a_shell.ready()
    in_a_shell.type("\r")
    in_a_shell.see("still\r\n")
    in_a_shell.ready()
    in_a_shell.type("exit\r")
    in_a_shell.see("over")


def test_ctrl_z_stops_the_reader_of_a_pipe(in_a_shell):
    """It can't go on without the terminal."""
    in_a_shell.type("print it | sh -c 'cat; read x < /dev/tty; echo g'ot' $x'\r")
    in_a_shell.see("it\r\n")
    in_a_shell.type(CTRL_Z)
    in_a_shell.see("[1] stopped: ")
    in_a_shell.ready()
    in_a_shell.run("bg", "job 1 needs the terminal (fg %1)")
    in_a_shell.type("fg\r")
    in_a_shell.see("print it |")
    in_a_shell.type("word\r")
    in_a_shell.see("got word\r\n")
    in_a_shell.ready()
