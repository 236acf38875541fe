"""Names of files: how they are shown, which can be used, and which links stay inside."""

import os

import pytest

from atoll.files import is_name, show_name, stays_below


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


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800"], ids=ascii)
def test_invalid_file_names(name):
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
