"""Keys of the line: the list of earlier lines, the editor, several lines, vi, keys of one's own."""

import fcntl
import json
import os
import time

import pytest

from atoll._shell.entries import read_entries

CTRL_C, CTRL_G, CTRL_R, EDITOR, ALT_ENTER = "\x03", "\x07", "\x12", "\x18\x05", "\x1b\r"
F5, F6, DOWN, ESCAPE = "\x1b[15~", "\x1b[17~", "\x1b[B", "\x1b"


@pytest.fixture
def earlier(home):
    """Three lines that were typed in another prompt, one of which failed."""
    file = home / "state" / "history.jsonl"
    file.parent.mkdir(parents=True)
    now = time.time()
    ago = {"echo f'irs't": 7200, "nope --second": 600, "echo 'thi\nrd'": 60}
    with file.open("w") as lines:
        for line, seconds in ago.items():
            folder = "/somewhere/" + "deep/" * 9 + "end"
            entry = {"at": now - seconds, "line": line, "id": line[:6], "cwd": folder}
            lines.write(json.dumps(entry) + "\n")
        lines.write('{"id": "nope -", "code": 2, "took": 0.1}\n')
    return file


def test_earlier_lines_are_a_list(open_prompt, earlier):
    """With time, exit code and folder; typing chooses, Enter takes the line without running it."""
    terminal = open_prompt(columns=100)
    terminal.type(CTRL_R)
    terminal.appears("3 of 3")
    newest, failed, first = [row for row in terminal.shown().splitlines() if "deep/end" in row]
    assert newest.split()[0] == "1m"
    assert failed.split()[:2] == ["10m", "2"]
    assert first.split()[0] == "2h"
    terminal.type("IRS ech")
    terminal.appears("1 of 3")
    terminal.type("\r")
    terminal.disappears("search:")
    terminal.appears("atoll> echo f'irs't")
    terminal.type("!\r")
    terminal.see("first!\r\n")


def test_the_list_is_left_as_it_was_entered(open_prompt, earlier):
    """Nothing of the line is lost, whatever was looked for meanwhile."""
    terminal = open_prompt()
    terminal.type("echo mi'n'e" + CTRL_R)
    terminal.appears("0 of 3")
    terminal.type("x" + CTRL_C)
    terminal.disappears("search:")
    terminal.type("\r")
    terminal.see("mine\r\n")


def test_the_list_knows_this_prompt_and_open_ones(open_prompt, home):
    """Each line once, where it was typed last."""
    terminal, other = open_prompt(), open_prompt()
    terminal.run("echo al'p'ha", "alpha\r\n")
    other.run("echo be't'a", "beta\r\n")
    terminal.run("echo al'p'ha", "alpha\r\n")
    terminal.type(CTRL_R)
    terminal.appears("2 of 2")
    terminal.appears("echo be't'a")
    terminal.type(CTRL_G)
    terminal.disappears("search:")
    terminal.run("history --merge", "1 line of other prompts")
    terminal.type("\x1b[A\x1b[A\x1b[A\r")
    terminal.see("beta\r\n")


def test_output_comes_above_the_list(open_prompt, earlier, tmp_path):
    """A job goes on meanwhile, and what it writes tears nothing."""
    terminal = open_prompt()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    terminal.type(f"! cat {pipe} > /dev/null &\r")
    terminal.see("[1] ")
    terminal.ready()
    terminal.type(CTRL_R)
    terminal.appears("4 of 4")
    pipe.write_text("")
    terminal.appears("[1] done")
    terminal.appears("4 of 4")
    terminal.type(CTRL_G)
    terminal.disappears("search:")


def test_the_editor(open_prompt, tmp_path):
    """It gets the line, and what it leaves comes back to be run; one that fails changes nothing."""
    terminal = open_prompt(EDITOR="sed -i -e s/one/t'w'o/ -e s/x/y/", VISUAL="")
    terminal.type("echo one 'x" + ALT_ENTER + "x'" + EDITOR)
    terminal.appears("echo two 'y")
    terminal.type("\r")
    terminal.see("two y\r\ny\r\n")
    terminal = open_prompt(EDITOR="false")
    terminal.type("echo st'i'll" + EDITOR)
    terminal.see("false has failed (1)")
    terminal.type("\r")
    terminal.see("still\r\n")


def test_another_line_without_a_quote(open_prompt):
    """Enter runs both."""
    terminal = open_prompt()
    terminal.type("echo o'n'e" + ALT_ENTER)
    terminal.see("......")
    terminal.type("echo t'w'o\r")
    terminal.see("one\r\n")
    terminal.see("two\r\n")


def test_vi_tells_its_mode(open_prompt):
    """Before the prompt, and nobody else does."""
    terminal = open_prompt(ATOLL_SHELL_EDIT_MODE="vi")
    terminal.appears("[I] ")
    terminal.type("echo x" + ESCAPE)
    terminal.appears("[N] ")
    terminal.type("0R")
    terminal.appears("[R] ")
    assert "[I]" not in open_prompt().shown()


def test_keys_of_the_users_own(open_prompt, home):
    """They run a line, type one, or stand for others; what can't be bound costs a line."""
    config = home / "config" / "config.yaml"
    config.parent.mkdir(parents=True)
    keys = {"f5": "echo ow'n'", "f6": "echo ", "c-f": "<c-r>", "q": "x", "f99": "x", "enter": "x"}
    config.write_text(json.dumps({"shell": {"keys": keys}}))
    terminal = open_prompt()
    for wrong in ("'q'", "'f99'", "'enter'"):
        assert f"shell.keys: {wrong}" in terminal.shown()
    terminal.type(F5)
    terminal.see("own\r\n")
    terminal.ready()
    terminal.type(F6 + "al'o'ng\r")
    terminal.see("along\r\n")
    terminal.ready()
    terminal.run("keys --output csv", "f5,echo ow'n',config.yaml")
    terminal.type("\x06")
    terminal.appears("search:")


def test_plain_lines_by_a_setting(open_prompt):
    """As on a terminal that can't move its cursor: nothing is drawn anew, nothing is coloured."""
    terminal = open_prompt(ATOLL_SHELL_PLAIN="yes")
    terminal.type("echo pl'a'in\r")
    assert "\x1b" not in terminal.see("plain\r\n")
    terminal.ready()
    terminal.type("nope\r")
    assert "\x1b" not in terminal.see("no such command")


def test_a_lock_of_a_stopped_process(open_prompt, home):
    """Lines are run all the same, and kept in the end."""
    state = home / "state"
    state.mkdir(parents=True)
    with (state / "history.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        terminal = open_prompt()
        for number in range(3):
            terminal.run(f"echo '#'{number}", f"#{number}\r\n")
        terminal.type("\x1b[A")
        terminal.appears("echo '#'2")
        terminal.clear()
        assert terminal.leave() == 0
        assert [one.line for one in read_entries(state / "history.jsonl")][-1] == "echo '#'2"
