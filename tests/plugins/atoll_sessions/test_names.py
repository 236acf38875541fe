"""Names of files: how they travel, how they are shown, and which links stay inside."""

import os

import pytest

from atoll_sessions.files.names import from_wire, is_name, show_name, stays_below


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain.txt", "plain.txt"),
        ("two words", "two words"),
        ("ünï ☃", "ünï ☃"),
        ("q ", "'q '"),
        ("it's ", '"it\'s "'),
        ("q\t", r"$'q\x09'"),
        ("new\nline", r"$'new\x0aline'"),
        ("q\N{NO-BREAK SPACE}", r"$'q\xc2\xa0'"),
        (os.fsdecode(b"caf\xe9"), r"$'caf\xe9'"),
        ("\x1b[31m'\\", r"$'\x1b[31m\'\\'"),
    ],
)
def test_names_are_shown_as_they_can_be_told_apart(name, shown):
    assert show_name(name) == shown


def test_bytes_that_are_no_text_come_from_the_wire():
    assert os.fsencode(from_wire("caf\0e9/\0ff")) == b"caf\xe9/\xff"
    for text in ("a\0", "\x002f", "\0zz", "\0E9"):
        assert from_wire(text) == text
        assert not is_name(from_wire(text))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800"], ids=ascii)
def test_what_no_file_can_be_called_is_no_name(name):
    assert not is_name(name)


@pytest.mark.parametrize(
    ("link", "depth", "stays"),
    [
        ("file", 0, True),
        ("../file", 1, True),
        ("../file", 0, False),
        ("a/../../file", 1, False),
        ("/etc/passwd", 5, False),
        ("../../x", 2, True),
        ("\ud800", 0, False),
        ("x\0y", 0, False),
        ("file", -1, False),
    ],
)
def test_a_link_stays_below_or_not(link, depth, stays):
    assert stays_below(link, depth) is stays
