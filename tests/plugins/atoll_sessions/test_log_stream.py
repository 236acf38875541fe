"""A log that comes in pieces, of whatever size, is the text that was sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll_sessions.log_stream import LogScanner

TEXTS = st.lists(st.sampled_from(["a", '"', "\\", "\n", "\x1b[1m", "€", "\U0001f600", "\\u00e9"]))


@given(TEXTS.map("".join), st.booleans(), st.integers(1, 9))
def test_pieces_make_the_text(text, is_ascii, size):
    document = json.dumps({"result": {"kernel": "x", "logs": text}}, ensure_ascii=is_ascii)
    scanner = LogScanner()
    pieces = [document[at : at + size] for at in range(0, len(document), size)]
    assert "".join(map(scanner.feed, pieces)) == text
    assert scanner.is_over


@pytest.mark.parametrize(
    "document",
    [
        '{"result": {}}',
        '{"result": {"logs": null}}',
        '{"result": {"logs": "cut off',
        '{"result": {"logs": "cut off\\',
        '{"result": {"logs": "\\u12"}}',
        "<html>",
        "",
    ],
)
def test_what_is_no_such_document_has_no_end(document):
    scanner = LogScanner()
    scanner.feed(document)
    assert not scanner.is_over


def test_little_is_kept_of_what_never_begins():
    scanner = LogScanner()
    for _ in range(10):
        scanner.feed("x" * 10_000)
    assert scanner.is_lost


def test_a_long_log_takes_no_time():
    line = "\x1b[1m\N{EURO SIGN} said\n"
    document = json.dumps({"logs": line * 500_000})
    scanner = LogScanner()
    sizes = [len(scanner.feed(document[at : at + 65536])) for at in range(0, len(document), 65536)]
    assert sum(sizes) == 500_000 * len(line)
