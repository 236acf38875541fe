"""The cluster's log: whatever others have written, a line is a line, and can be printed."""

import logging

import pytest

from atoll_cluster.logs import LineFormatter

HOSTILE = [
    "\x1b[31mred",
    "\0",
    "a\n2026-01-01 00:00:00,000 INFO forged: line",
    "a\r\nb",
    "\x9b31m",
    "a\u2028b\u2029c\x0b\x0c\x85d",
    "\u202eevil",
    "\udcff",
    "\x7f",
]


class Name(str):
    """A text that tracebacks show as it is."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


def record(text, exc_info=None):
    return logging.LogRecord("name", logging.INFO, "file", 1, "GET %s failed", (text,), exc_info)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_message_is_one_line_that_can_be_printed(text):
    line = LineFormatter().format(record(text))
    assert line.isprintable()
    assert line.endswith(" failed")


@pytest.mark.parametrize("text", HOSTILE)
def test_the_lines_of_a_traceback_are_indented(text):
    with pytest.raises(KeyError) as caught:
        {}[Name(text)]
    exc_info = (caught.type, caught.value, caught.tb)
    first, *rest = LineFormatter().format(record("/", exc_info)).split("\n")
    assert first.endswith("INFO name: GET / failed")
    assert len(rest) > 2
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_what_is_well_known_stays_as_it_is():
    assert LineFormatter().format(record("/späße ✓")).endswith("GET /späße ✓ failed")
