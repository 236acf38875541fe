"""The grammar of a line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll._line import Assembler, LineError, Statement, parse
from atoll.text import quote

words = st.text(
    st.characters(blacklist_characters="\r\0", blacklist_categories=["Cs"]), max_size=12
)


@given(st.lists(words, min_size=1, max_size=6))
def test_quoted_words_are_read_back_as_themselves(given_words):
    """What `quote` writes, the grammar reads."""
    (statement,) = parse(" ".join(map(quote, given_words)))

    assert tuple(given_words) == statement.words


@given(st.text())
def test_any_text_is_understood_or_refused(text):
    """No text whatever does more than raise LineError, with a line that exists."""
    try:
        statements = parse(text)
    except LineError as error:
        lines = [error.line]
    else:
        assert all(bool(statement.words) != bool(statement.system) for statement in statements)
        lines = [statement.line for statement in statements]
    assert lines == sorted(lines)
    assert set(lines) <= set(range(1, text.count("\n") + 2))


@given(st.lists(st.text("abc '\"\\;#|!&<>", max_size=10), max_size=6))
def test_lines_fed_one_by_one_say_the_same_as_all_at_once(lines):
    """A script read as it comes in means what it means as a whole."""
    assembler, fed = Assembler(), []
    try:
        for line in lines:
            fed += assembler.feed(line)
        assembler.close()
    except LineError:
        with pytest.raises(LineError):
            parse("\n".join([*lines, ""]))
    else:
        assert parse("\n".join([*lines, ""])) == fed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ps", [("ps",)]),
        ("  ps   --all ", [("ps", "--all")]),
        ("ps; rm a", [("ps",), ("rm", "a")]),
        ("ps\n\n# nothing\nrm a # the rest", [("ps",), ("rm", "a")]),
        ("a#b", [("a#b",)]),
        ("run -c 'print(1)\nprint(2)' python", [("run", "-c", "print(1)\nprint(2)", "python")]),
        (r'run -c "a \"b\" \n $X" p', [("run", "-c", r'a "b" \n $X', "p")]),
        (r"a\ b \'", [("a b", "'")]),
        ("a \\\n  b", [("a", "b")]),
        ("a\\\nb", [("ab",)]),
        ("''", [("",)]),
        ("", []),
        ("-e X=$Y", [("-e", "X=$Y")]),
    ],
)
def test_words(text, expected):
    """Words, quotes, comments and continued lines follow the habits of POSIX shells."""
    assert expected == [statement.words for statement in parse(text)]


def test_what_follows_the_words():
    """Redirections, pipes and the background belong to their statement."""
    assert parse("a <in >out") == [
        Statement(words=("a",), text="a <in >out", source=Path("in"), target=Path("out"))
    ]
    assert parse("a >> 'o u t'")[0].append
    assert parse("ps | grep 'a;b' 2>&1 && wc; rm x")[0].pipe == "grep 'a;b' 2>&1 && wc"
    assert [s.background for s in parse("a & b")] == [True, False]
    assert parse("a | b &")[0].background


def test_commands_of_the_system():
    """What a statement begins with `!` is the system shell's to read, up to the statement's end."""
    assert parse("! ls -l | wc >x 2>&1; ps")[0] == Statement(
        words=(), text="! ls -l | wc >x 2>&1", system="ls -l | wc >x 2>&1"
    )
    assert [s.words for s in parse("!ls;ps !; '!x'")] == [(), ("ps", "!"), ("!x",)]
    assert parse("!sleep 9 &")[0].background
    with pytest.raises(LineError, match="no system command is named after '!'"):
        parse("! ; ps")


def test_a_tilde_is_the_home_folder_unless_quoted(monkeypatch):
    """Only a bare tilde before a slash or alone is replaced."""
    monkeypatch.setenv("HOME", "/somewhere")

    assert parse("~ ~/x '~/x' a~ ~me")[0].words == (
        "/somewhere",
        "/somewhere/x",
        "~/x",
        "a~",
        "~me",
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("ps\n'a", 2, "single quote"),
        ('ps\n\n"a', 3, "double quote"),
        ("a |", 1, "no system command"),
        ("a >", 1, "no file is named"),
        ("a < b < c", 1, "stands twice"),
        ("; a", 1, "a command is missing before"),
        ("a && b", 1, "not understood"),
        ("| a", 1, "a command is missing before"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, line, words):
    """A refusal names the line and the trouble."""
    with pytest.raises(LineError, match=words) as raised:
        parse(text)

    assert line == raised.value.line


@pytest.mark.parametrize("text", ["'a", '"a', "a \\", "a | 'b", "a \\\n"])
def test_an_open_line_can_be_continued(text):
    """A prompt asks for more where more could complete the line."""
    with pytest.raises(LineError) as raised:
        parse(text)

    assert raised.value.incomplete
