"""The whole program at its prompt: on a cluster that is down, and on the embedded one."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from atoll.testing import Prompt

ATOLL = str(Path(sys.executable).with_name("atoll"))
DEADLINE = 60
NO_TOOLBAR = {"PROMPT_TOOLKIT_NO_CPR": "1"}
"""Nobody reads, and answers the terminal's questions, while a test does something else."""
CTRL_C, CTRL_U, CTRL_BACKSLASH, TAB = "\x03", "\x15", "\x1c", "\t"


@pytest.fixture
def open_prompt(home):
    """Open prompts, which are closed at the end."""
    opened = []

    def open_one(**environ):
        opened.append(Prompt.open([ATOLL], {**NO_TOOLBAR, **environ}, columns=120))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


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
    terminal.ready()
    terminal.type("info --he" + TAB)
    terminal.see("lp")
    terminal.clear()

    assert terminal.leave() == 0


def test_a_cluster_that_falls_silent(open_prompt):
    """Neither the prompt nor a key waits for it; a row tells that it has still to answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terminal = open_prompt(
            BACKEND_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}",
            BACKEND_ACCESS_KEY="AK",
            BACKEND_SECRET_KEY="SK",
        )
        terminal.type("rm " + TAB)
        terminal.appears("…")
        terminal.type("some")
        terminal.disappears("…")
        terminal.type(CTRL_U + "! echo st'i'll\r")
        terminal.see("still\r\n")
        terminal.ready()

        assert terminal.leave() == 0


@pytest.mark.slow
def test_a_session_on_the_embedded_cluster(open_prompt, embedded):
    """Code runs, asks, and is interrupted; its session is completed by name."""
    terminal = open_prompt()
    for typed, option in (("rm ", "--forced"), ("wait nobody ", "--for")):
        terminal.type(typed + TAB)
        terminal.appears(option)
        terminal.type(CTRL_U)
        terminal.disappears(option)
    terminal.type("run -t tried -c 'import time; print(6 * 7)' python\r")
    terminal.see("42")
    terminal.ready()
    terminal.type("""run -t tried -c 'print("<" + input("na" "me: ") + ">")' python\r""")
    terminal.see("name: ")
    terminal.type("somebody\r")
    terminal.see("<somebody>")
    terminal.ready()
    terminal.type("run -t tried -c 'print(1 + 1, flush=True); time.sleep(100)' python\r")
    terminal.see("\n2\r\n")
    terminal.type(CTRL_C)
    terminal.see("KeyboardInterrupt")
    terminal.ready()
    run = "run --rm -t quit -c 'print(4 * 4, flush=True); import time; time.sleep(100)' python"
    terminal.type(f"{run}\r")
    terminal.see("\n16\r\n")
    terminal.type(CTRL_BACKSLASH)
    terminal.ready()
    terminal.type(f"{run} &\r")
    terminal.see("[1] 16\r\n")
    terminal.type("kill %1\r")
    terminal.see("[1] failed (130)")
    terminal.run("info quit", "TERMINATED")
    terminal.type("run -t tried -c 'print(2 * 8)' python &\r")
    terminal.see("[2] 16\r\n")
    terminal.see("[2] done")
    terminal.see("python &\r\n")
    terminal.type("run -t tried --exec 'touch there.txt' python\r")
    terminal.ready()
    terminal.type("download tried the" + TAB)
    terminal.appears("download tried there.txt")
    terminal.type(CTRL_U)
    terminal.disappears("download")
    terminal.type("rm tri" + TAB)
    terminal.appears("rm tried")
    terminal.type("\r")
    terminal.see("session tried is")
    terminal.ready()

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
