"""The menu that Tab opens, on a real terminal: what it inserts, what it shows, and when."""

import os

import pytest
from prompt_toolkit.document import Document

from atoll._shell.candidates import Candidates
from atoll._shell.completion import LineCompleter
from atoll._shell.names import Names
from atoll._variables import Value, Values

TAB, DOWN = "\t", "\x1b[B"


@pytest.fixture
def tell(tmp_path):
    """What has the names told that `late` takes."""
    pipe = tmp_path / "tell"
    os.mkfifo(pipe)
    return lambda: pipe.write_text("")


@pytest.fixture
def late(open_prompt, tell, tmp_path):
    """A prompt whose names are not told before that is called."""
    return open_prompt(TELL=str(tmp_path / "tell"))


def test_options_are_listed_but_not_inserted(open_prompt):
    """Nothing is inserted where no value is left to give."""
    terminal = open_prompt()
    terminal.type("echo " + TAB)
    terminal.appears("--output")
    terminal.type("mi'n'e\r")
    terminal.see("mine\r\n")
    assert "--mine" not in terminal.shown()


def test_a_row_is_shown_for_unknown_names(late, tell):
    """It inserts nothing, and gives way to the names when they come."""
    late.type("late " + TAB)
    late.appears("…")
    assert "--" not in late.shown()
    tell()
    late.appears("second")
    late.disappears("…")
    late.type(DOWN + DOWN + "\r")
    late.see("<first>\r\n")


def test_names_that_arrive_soon_are_inserted(late, tell):
    """As if they had been known."""
    late.type("late se" + TAB)
    tell()
    late.appears("late second")
    late.type("\r")
    late.see("<second>\r\n")


def test_further_typing_closes_the_menu(late, tell):
    """What is told later does not fit any more, and is neither typed nor shown."""
    late.type("late " + TAB)
    late.appears("…")
    late.type("s")
    late.disappears("…")
    tell()
    late.type("o\r")
    late.see("<so>\r\n")


def test_a_folder_of_many_files(open_prompt, here):
    """The menu is there soon, tells how many it leaves out, and the rest is typed by letters."""
    for number in range(20_000):
        os.mknod(here / f"result-{number:05}.csv")
    (here / "zebra stripes.txt").touch()
    terminal = open_prompt()
    terminal.type("echo > " + TAB)
    terminal.appears("result-00000.csv")
    terminal.clear()
    terminal.type("echo zoo > zeb" + TAB)
    terminal.appears("'zebra stripes.txt'")
    terminal.clear()
    terminal.type("echo zoo > r19999" + TAB)
    terminal.appears("result-19999.csv")


def test_the_words_used_last_come_first(open_prompt, here):
    """Of several that fit alike."""
    for name in ("one", "other", "own"):
        (here / name).mkdir()
    terminal = open_prompt()
    terminal.type("thing show --into own/\r")
    terminal.ready()
    terminal.type("thing show --into o" + TAB)
    terminal.appears("own/")
    terminal.appears("other/")
    rows = [line.strip() for line in terminal.shown().splitlines() if line.strip()[:1] == "o"]
    assert rows == ["own/", "one/", "other/"]


def test_a_wrapped_line_has_no_continuation_mark(open_prompt):
    """Dots stand before lines that follow, not where one is wrapped."""
    terminal = open_prompt(columns=40)
    terminal.type("echo " + "x" * 60)
    terminal.appears("x" * 28)
    assert "...." not in terminal.shown()
    terminal.type(" '\r")
    terminal.appears("......")


def test_a_terminal_that_does_not_tell_where_its_cursor_is(open_prompt):
    """It costs the toolbar; nothing is said of it."""
    terminal = open_prompt(PROMPT_TOOLKIT_NO_CPR="")
    # The test's terminal answers; here it is told not to.
    vars(terminal.screen)["write_process_input"] = lambda _data: None
    terminal.run("echo qui'e't", "quiet\r\n")
    terminal.type("wait\r")
    terminal.see("waiting")
    terminal.type("\x03")
    terminal.ready()
    terminal.run("echo st'i'll", "still\r\n")
    assert "WARNING" not in terminal.shown()


def test_the_menu_while_typing(open_prompt):
    """By a setting: it is there without Tab, and inserts nothing by itself."""
    terminal = open_prompt(ATOLL_SHELL_MENU="typing")
    terminal.type("thing s")
    terminal.appears("Show things")
    terminal.type("\x15echo qui'e't\r")
    terminal.see("quiet\r\n")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("! tru", "true"),
        ("echo x | so", "sort"),
        ("echo x | sort | uni", "uniq"),
        ("echo x | sort -k 2 ./her", "./here is.txt"),
        ("! cat 'here i", "here is.txt"),
        ("! cat < he", "here is.txt"),
        ("! ./pro", "./program"),
        ("! HOME=x tru", "true"),
        ("read < he", "here is.txt"),
    ],
)
def test_completion_in_system_commands(program, here, typed, shown):
    """Programs where a command begins, files behind."""
    (here / "here is.txt").touch()
    (here / "program").touch(0o755)
    rows = LineCompleter(Candidates(program, Names())).rows(Document(typed)).shown
    texts = [row.display_text for row in rows]
    assert shown in texts or shown.removeprefix("./") in texts


@pytest.mark.parametrize("typed", ["fg ", "bg ", "wait %", "kill %"])
def test_numbers_of_jobs(open_prompt, typed):
    """Those that run, with their lines beside."""
    terminal = open_prompt()
    for number in (1, 2):
        terminal.type("linger &\r")
        terminal.see(f"[{number}] waiting")
        terminal.ready()
    terminal.type(typed + TAB)
    terminal.appears("%2")  # the last row
    rows = [line.split() for line in terminal.shown().splitlines() if "running: " in line]
    assert [row[0] for row in rows] == ["%1", "%2"]


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("echo $na", ["$name"]),
        ("echo ${na", ["${name}"]),
        ("echo x-$na", ["$name"]),
        ('echo "it is $na', ["$name"]),
        ("! echo $na", ["$name"]),
        ("echo > $na", ["$name"]),
        ("echo $session.", ["$session.id", "$session.status"]),
        ("echo $session.st", ["$session.status"]),
        ("echo $ATOLL_H", ["$ATOLL_HOME"]),
        ("echo '$na", []),
        ("echo \\$na", []),
    ],
)
def test_variables(program, typed, becomes):
    """Those that were set, with their fields, and the environment; not where a $ means nothing."""
    kept = program.variables.kept
    kept["name"] = Values([Value("mine")])
    kept["session"] = Values([Value("s", {"id": "1", "status": "RUNNING"})], are_records=True)
    rows = LineCompleter(Candidates(program, Names())).rows(Document(typed)).shown
    assert [row.text for row in rows if row.text.startswith("$")] == becomes
