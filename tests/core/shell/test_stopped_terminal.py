"""A terminal that takes nothing: somebody has pressed Ctrl-S, or its connection stands still."""

import os
import select
import signal
import termios
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trio


@pytest.fixture
def echoing(open_prompt, here):
    """A prompt, beside which a task writes into one FIFO what it reads from another."""
    os.mkfifo("said")
    os.mkfifo("echo")
    return open_prompt(tasks=("echoes",))


def echo(text):
    """Return what the task beside the prompt makes of a text."""

    async def ask():
        with trio.fail_after(60):
            await trio.to_thread.run_sync(Path("said").write_text, text, abandon_on_cancel=True)
            return await trio.to_thread.run_sync(Path("echo").read_text, abandon_on_cancel=True)

    return trio.run(ask)


@contextmanager
def stopped(terminal):
    """Have the terminal take nothing."""
    descriptor = os.open(f"/proc/{terminal.child.pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
    try:
        termios.tcflow(descriptor, termios.TCOOFF)
        yield
        termios.tcflow(descriptor, termios.TCOON)
    finally:
        os.close(descriptor)


def test_nothing_waits_for_a_stopped_terminal(echoing):
    """Neither tasks beside the prompt nor what is typed, which is shown as soon as it can be."""
    with stopped(echoing):
        echoing.type("print a'b'c\r")
        assert echo("one") == "one"
        echoing.type("print d'e'f\r")
        assert echo("two") == "two"
    echoing.see("abc\r\n")
    echoing.see("def\r\n")
    echoing.ready()


def test_ctrl_c_drops_unwritten_output(echoing, here):
    """The next prompt comes at once."""
    os.mkfifo("begun")
    with stopped(echoing):
        echoing.type("print x > begun; print lo's't\r")
        (here / "begun").read_text()
        os.kill(echoing.child.pid, signal.SIGINT)
        assert echo("one") == "one"
    echoing.run("print a'b'c", "abc\r\n")
    assert "lost" not in echoing.written()


def test_jobs_lose_nothing(echoing):
    """Their lines wait, and so do they."""
    with stopped(echoing):
        echoing.type("! seq 30000 &\r")
        assert echo("one") == "one"
    echoing.see("[1] 1\r\n")
    echoing.see("[1] 30000\r\n")
    echoing.see("[1] done")
    echoing.run("print a'b'c", "abc\r\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_prompt_all_the_same(open_prompt, here, number):
    """And its jobs with it."""
    os.mkfifo("begun")
    os.mkfifo("pid")
    terminal = open_prompt()
    terminal.run("! sh -c 'echo $$ > pid; exec sleep 1000' &", "[1]")
    job = os.pidfd_open(int((here / "pid").read_text()))
    with suppress(termios.error), stopped(terminal):
        terminal.type("print x > begun; flood\r")
        (here / "begun").read_text()
        os.kill(terminal.child.pid, number)
        os.waitid(os.P_PID, terminal.child.pid, os.WEXITED | os.WNOWAIT)
    assert terminal.ended() == 128 + number
    assert select.select([job], [], [], 20)[0]
    os.close(job)
