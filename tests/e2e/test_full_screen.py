"""What has the screen to itself, on a real terminal: it leaves no trace, however it ends."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pexpect
import pyte
import pytest
from attrs import define

ATOLL = str(Path(sys.executable).with_name("atoll"))
PATIENCE = 60.0
CTRL_C, CTRL_Z = "\x03", "\x1a"
ON, OFF = "\x1b[?1049h", "\x1b[?1049l"


class TwoScreens(pyte.Screen):
    """A terminal with another screen to turn to, which pyte does not have: it begins empty."""

    def set_mode(self, *modes, **kwargs):
        super().set_mode(*modes, **kwargs)
        self._turn(modes)

    def reset_mode(self, *modes, **kwargs):
        super().reset_mode(*modes, **kwargs)
        self._turn(modes)

    def _turn(self, modes):
        if 1049 in modes:
            self.erase_in_display(2)
            self.cursor_position()


@define
class Terminal:
    """A shell of the system on a terminal, and what that shows and has been sent."""

    child: pexpect.spawn
    screen: pyte.Screen
    stream: pyte.Stream
    sent: str = ""

    def write(self, text):
        """Draw what is sent; a part of pexpect's log."""
        self.sent += text
        self.stream.feed(text)

    def flush(self):
        """Nothing is held back."""

    def type(self, keys):
        self.child.send(keys)

    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def appears(self, pattern, *, gone=False):
        """Wait until something is on the screen, or is no longer."""
        deadline = time.monotonic() + PATIENCE
        while bool(re.search(pattern, self.shown(), re.MULTILINE)) == gone:
            self.child.expect([r".+", pexpect.TIMEOUT], timeout=0.2)
            assert time.monotonic() < deadline, f"{pattern!r} is not so:\n{self.shown()}"
        return self.shown()


@pytest.fixture
def terminal(shared):
    """Open a shell of the system, with the program on its path."""
    environ = shared.environ() | {
        "PATH": f"{Path(ATOLL).parent}:{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "PS1": "shell> ",
    }
    screen = TwoScreens(80, 24)
    child = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile"],
        env=environ,
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=PATIENCE,
    )
    child.delaybeforesend = None
    one = Terminal(child, screen, pyte.Stream(screen))
    child.logfile_read = one
    one.appears(r"shell>\Z")
    yield one
    child.close(force=True)


@pytest.fixture
def session(shared):
    """A session that runs."""
    name = f"seen-{os.urandom(3).hex()}"
    assert shared.run("start", "-t", name, "python").returncode == 0
    yield name
    shared.run("rm", "-f", name)


def program_of(terminal):
    """Return the process that has the terminal."""
    return os.tcgetpgrp(terminal.child.child_fd)


def is_back(terminal):
    """Check that the terminal is as it was, and nothing of the screen is left."""
    terminal.appears(r"shell>\Z")
    assert terminal.sent.count(ON) == terminal.sent.count(OFF)
    assert terminal.sent.rindex(OFF) > terminal.sent.rindex(ON)
    assert "\x1b[?25h" in terminal.sent[terminal.sent.rindex(ON) :]


@pytest.mark.slow
class TestWatch:
    """`watch` at a terminal."""

    def test_it_shows_changes_and_leaves_no_trace(self, terminal, shared, session):
        """A session that starts is there soon, and marked."""
        terminal.type("atoll watch 1 ps\r")
        terminal.appears(session)
        new = f"{session}b"
        shared.run("start", "-t", new, "python")
        terminal.appears(new)
        assert "\x1b[0;7m" in terminal.sent
        shared.run("rm", new)
        terminal.appears(new, gone=True)
        terminal.type("q")
        is_back(terminal)
        terminal.type("echo code $?\r")
        terminal.appears("code 0")

    def test_it_stops_when_told(self, terminal, shared, session):
        """With exit code 0; Ctrl-C is 130."""
        terminal.type(f"atoll watch --until 'status == \"TERMINATED\"' 1 info {session}\r")
        terminal.appears("RUNNING")
        shared.run("rm", session)
        is_back(terminal)
        terminal.type("echo code $?\r")
        terminal.appears("code 0")
        terminal.type("atoll watch --until 'n == 1' 1 '! echo tick'\r")
        terminal.appears("tick\n|tick$")
        terminal.type(CTRL_C)
        is_back(terminal)
        terminal.type("echo code $?\r")
        terminal.appears("code 130")

    def test_signals_and_sizes(self, terminal):
        """Suspended, it gives the terminal back, and comes back itself."""
        terminal.type("atoll watch 1 '! date +%S'\r")
        terminal.appears("every 1 s")
        for stop in (lambda: terminal.type(CTRL_Z), lambda: stop_from_outside(terminal)):
            stop()
            is_back(terminal)
            terminal.appears("Stopped")
            terminal.type("fg\r")
            terminal.appears("every 1 s")
        terminal.child.setwinsize(12, 40)
        terminal.screen.resize(12, 40)
        terminal.appears(r"^every 1 s: .{10,22} \d\d:\d\d:\d\d$")
        os.killpg(program_of(terminal), signal.SIGTERM)
        is_back(terminal)

    def test_the_cluster_falls_silent(self, terminal, shared, session):
        """The last result stays, with how long nothing has come."""
        terminal.type("atoll watch 1 ps\r")
        terminal.appears(session)
        server = json.loads((shared.home / "data" / "local" / "server.json").read_text())
        os.kill(server["pid"], signal.SIGSTOP)
        try:
            terminal.appears(r"(waiting|offline) [2-9] s")
            assert session in terminal.shown()
        finally:
            os.kill(server["pid"], signal.SIGCONT)
        terminal.appears("waiting|offline", gone=True)
        terminal.type("q")
        is_back(terminal)


def stop_from_outside(terminal):
    os.kill(program_of(terminal), signal.SIGTSTP)


@pytest.mark.slow
class TestTop:
    """`top`."""

    def test_events_keys_and_no_trace(self, terminal, shared, session):
        """Sessions come and go by themselves; keys are for the selected one."""
        terminal.type("atoll top --filter seen\r")
        terminal.appears(rf"^{session[:10]}.*RUNNING")
        terminal.appears(r"^i-local .* cpu [\d.]+ of ")
        new = f"{session}b"
        shared.run("start", "-t", new, "--enqueue-only", "python")
        terminal.appears("2 running|1 pending")
        shared.run("rm", "-f", new)
        terminal.appears("TERMINATED")
        terminal.appears(new, gone=True)
        terminal.type("/" + session + "\r")
        terminal.type("x")
        terminal.appears(f"end session {session}. .y/N.")
        terminal.type("n")
        terminal.appears("l logs")
        terminal.type("s")
        terminal.appears(rf"\[{session}\]")
        terminal.type("echo sh'o'wn; exit\r")
        terminal.appears(rf"^{session[:10]}.*RUNNING")
        terminal.type("xy")
        terminal.appears(f"session {session} is terminated")
        terminal.type("q")
        is_back(terminal)
        assert "shown" not in terminal.shown()
        terminal.type("echo code $?\r")
        terminal.appears("code 0")

    def test_signals_and_sizes(self, terminal, session):
        """Suspended, stopped, made small, ended: the terminal is always given back."""
        terminal.type("atoll top\r")
        terminal.appears(session[:10])
        for stop in (lambda: terminal.type(CTRL_Z), lambda: stop_from_outside(terminal)):
            stop()
            is_back(terminal)
            terminal.type("fg\r")
            terminal.appears("q quit|q q…")
        terminal.child.setwinsize(10, 40)
        terminal.screen.resize(10, 40)
        terminal.appears("^l logs .*…$")
        os.killpg(program_of(terminal), signal.SIGTERM)
        is_back(terminal)

    def test_at_the_prompt_without_colours(self, terminal, session):
        """It is one of the prompt's commands; NO_COLOR holds. Ctrl-Z stops it alone."""
        terminal.type("NO_COLOR=1 atoll\r")
        terminal.appears("atoll>")
        terminal.type("top\r")
        terminal.appears(session[:10])
        assert not re.search(r"\x1b\[[\d;]*3\d[;m]", terminal.sent[terminal.sent.rindex(ON) :])
        terminal.type(CTRL_Z)
        terminal.appears(r"\[1\] stopped: top")
        terminal.type("fg\r")
        terminal.appears("q quit|q q…")
        terminal.type(CTRL_C)
        terminal.appears("atoll> *$")
        terminal.type("exit\r")
        is_back(terminal)


def test_no_terminal(shared):
    """One line says so."""
    done = shared.run("top")
    assert (done.returncode, done.stderr) == (2, "atoll: top needs a terminal\n")
