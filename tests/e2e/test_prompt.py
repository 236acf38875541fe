"""The whole program at its prompt: on a cluster that is down, and on the embedded one."""

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

ATOLL = str(Path(sys.executable).with_name("atoll"))
DEADLINE = 15
CTRL_C, CTRL_D, TAB = "\x03", "\x04", "\t"


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, environ):
        self.child = pexpect.spawn(
            ATOLL,
            env={**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", **environ},
            dimensions=(40, 120),
            timeout=DEADLINE,
            encoding="utf-8",
        )
        self.child.delaybeforesend = None
        self.prompt()

    def prompt(self):
        """Wait for the prompt."""
        self.see("atoll>")

    def type(self, keys):
        """Press keys."""
        self.child.send(keys)

    def clear(self):
        """Drop the line by Ctrl-C, and wait for the next prompt."""
        self.type(CTRL_C)
        # What is dropped is drawn once more; only then is bracketed paste turned off.
        self.see("\x1b[?2004l")
        self.prompt()

    def see(self, text):
        """Wait until this is shown; returns what was shown before it."""
        self.child.expect_exact(text)
        return self.child.before

    def leave(self):
        """Leave by Ctrl-D; returns the exit code."""
        self.type(CTRL_D)
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


@pytest.fixture
def open_prompt(home):
    """Open prompts, which are closed at the end."""
    opened = []

    def open_one(**environ):
        opened.append(Terminal(environ))
        return opened[-1]

    yield open_one
    for one in opened:
        one.child.close(force=True)


@pytest.fixture
def embedded(home):
    """Stop the embedded cluster in the end."""
    yield
    subprocess.run([ATOLL, "local", "down"], check=True, capture_output=True, timeout=DEADLINE)


def test_a_cluster_that_is_down(open_prompt):
    """The prompt is there at once, and no failure ends it."""
    terminal = open_prompt(
        BACKEND_ENDPOINT="http://127.0.0.1:9", BACKEND_ACCESS_KEY="AK", BACKEND_SECRET_KEY="SK"
    )
    terminal.type("ps\r")
    terminal.see("127.0.0.1:9")
    terminal.prompt()
    terminal.type("info --he" + TAB)
    terminal.see("lp")
    terminal.clear()

    assert terminal.leave() == 0


@pytest.mark.slow
def test_a_session_on_the_embedded_cluster(open_prompt, embedded):
    """Code runs, asks, and is interrupted; its session is completed by name."""
    terminal = open_prompt()
    terminal.type("run -t tried -c 'import time; print(6 * 7)' python\r")
    terminal.see("42")
    terminal.prompt()
    terminal.type("""run -t tried -c 'print("<" + input("na" "me: ") + ">")' python\r""")
    terminal.see("name: ")
    terminal.type("somebody\r")
    terminal.see("<somebody>")
    terminal.prompt()
    terminal.type("run -t tried -c 'print(1 + 1, flush=True); time.sleep(100)' python\r")
    terminal.see("\n2\r\n")
    terminal.type(CTRL_C)
    terminal.see("KeyboardInterrupt")
    terminal.prompt()
    terminal.type("run -t tried -c 'print(2 * 8)' python &\r")
    terminal.see("[1] 16\r\n")
    terminal.see("[1] done")
    terminal.see("python &\r\n")
    terminal.type("rm tri" + TAB)
    terminal.see("ed")
    terminal.type("\r")
    terminal.see("session tried is")
    terminal.prompt()

    assert terminal.leave() == 0


def test_names_for_other_shells(shared, tmp_path):
    """What they complete comes from the cluster, which is not started for it."""
    nothing = shared.run("completion", "answer", "--", "rm", "ta")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert shared.run("start", "-t", "tabbed", "bash").returncode == 0
    assert offered(shared, "rm ta").startswith("tabbed\t")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "energy levels.csv").write_text("1\n")
    shared.run("vfolder", "create", "mine")
    shared.run("vfolder", "upload", "mine", "-b", str(tmp_path), "figures")
    shared.run("upload", "tabbed", "--basedir", str(tmp_path), str(tmp_path / "figures"))
    for files in ("vfolder rm mine", "vfolder download mine", "ls tabbed", "download tabbed"):
        assert offered(shared, f"{files} fi") == "figures/\t\n"
        assert offered(shared, f"{files} figures/") == "figures/energy levels.csv\t2 B\n"
        assert offered(shared, f"{files} nowhere/") == ""
    shared.run("rm", "tabbed")
    shared.run("vfolder", "delete", "-y", "mine")


def offered(shared, line):
    """Return what is offered at the end of a line, each with a remark."""
    return shared.run("completion", "answer", "--line", f"atoll {line}").stdout
