"""The line that shows, on a terminal, what takes its time."""

from io import StringIO

import pytest


class Terminal(StringIO):
    """Standard error at a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def output(shell):
    """The output of a command, at a terminal."""
    output = shell.program().output()
    output.stderr = Terminal()
    return output


def test_progress_leaves_nothing_behind(output):
    """Each line takes the place of the one before, and the last one goes."""
    with output.progress("one") as show:
        show("two")

    assert output.stderr.getvalue().split("\r\x1b[2K") == ["", "one", "two", ""]


def test_remarks_take_the_place_of_the_line(output):
    """It is shown again by whoever goes on."""
    with output.progress("one"):
        output.note("by the way")
    output.note("and later")

    assert output.stderr.getvalue() == ("\r\x1b[2Kone\r\x1b[2Kby the way\n\r\x1b[2Kand later\n")


def test_names_in_progress_cannot_control_the_terminal(output):
    """Those of files come from sessions, and may hold what a terminal would act on."""
    with output.progress("fetching \x1b]0;owned\x07\x1b[2Jx\ny"):
        pass

    assert "\x1b]" not in output.stderr.getvalue()
    assert "\x1b[2J" not in output.stderr.getvalue()
    assert "\n" not in output.stderr.getvalue()


def test_progress_where_nothing_is_drawn_anew(output):
    """It is a line, once."""
    output.redraws = False
    with output.progress("one") as show:
        show("two")

    assert output.stderr.getvalue() == "one\n"


def test_progress_is_for_terminals(output):
    """A log file gets none of it."""
    output.stderr = StringIO()
    with output.progress("one") as show:
        show("two")

    assert output.stderr.getvalue() == ""
