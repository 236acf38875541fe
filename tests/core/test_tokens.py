"""Reading unfinished lines: as the grammar has it, without ever refusing, in a time in proportion
to their length.
"""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atoll._line import Assembler, parse
from atoll._shell.cursor_place import place
from atoll._shell.lines import is_open
from atoll._syntax import AndOr, LineError
from atoll._tokens import scan, statements

TEXTS = st.text(alphabet="ab \"'\\;&|!<>#\n-=", max_size=25)
ALL_TEXTS = st.lists(
    st.sampled_from([*"ab \"'\\;&|!<>#\n$(){}=`.", "for x in ", "let x = ", "$(", " { ", " } "])
    | st.sampled_from(
        ["if ", "fi ", "do ", "done ", "case ", "esac ", "<<E\n", "E\n", "$((", "${"]
    ),
    max_size=25,
).map("".join)


@given(TEXTS)
def test_finished_lines_are_read_as_they_are_run(text):
    """Words, their statements and the system's commands are those that will run."""
    try:
        expected = parse(text)
    except LineError:
        return

    found = [
        (
            tuple(token.value for token in tokens if token.kind == "word"),
            "".join(token.value[1:].strip() for token in tokens if token.kind == "system"),
        )
        for tokens in statements(scan(text))
    ]

    assert [one for one in found if any(one)] == [
        (one.words, one.pipe or one.system) for node in expected for one in parts(node)
    ]


def parts(node):
    """Return the commands that are joined in a node."""
    return [part for _, part in node.parts] if isinstance(node, AndOr) else [node]


@given(ALL_TEXTS)
def test_every_text_can_be_read(text):
    """Pieces follow one another inside the text."""
    at = 0
    for token in scan(text):
        assert at <= token.start < token.end <= len(text)
        at = token.end
    place(text)


@pytest.mark.parametrize(
    ("before", "words", "kind", "typed"),
    [
        ("", (), "word", ""),
        ("ps", (), "word", "ps"),
        ("ps ", ("ps",), "word", ""),
        ("ps --a", ("ps",), "word", "--a"),
        ("run 'my se", ("run",), "word", "my se"),
        ('run "a \\" b', ("run",), "word", 'a " b'),
        ("run my\\ se", ("run",), "word", "my se"),
        ("ps; in", (), "word", "in"),
        ("ps & ", (), "word", ""),
        ("ps > ou", ("ps",), "file", "ou"),
        ("ps >>", ("ps",), "file", ""),
        ("ps < in --al", ("ps",), "word", "--al"),
        ("ps | gr", (), "program", "gr"),
        ("!ls; ! gr", (), "program", "gr"),
        ("!ls; in", (), "word", "in"),
        ("ps !l", ("ps",), "word", "!l"),
        ("ps | grep x; in", (), "word", "in"),
        ("ps # no", ("ps",), "comment", "# no"),
        ("ps \\\n--a", ("ps",), "word", "--a"),
    ],
)
def test_the_place_of_the_cursor(before, words, kind, typed):
    """Completion knows the statement, and what has been typed of the next word."""
    where = place(before)

    assert (where.words, where.kind, where.typed) == (words, kind, typed)


@given(ALL_TEXTS)
@example("\\\n")
@example("a\\\n\\\n")
def test_what_is_open_waits_for_more_lines(text):
    """The prompt goes on to the next line for exactly the texts that a script goes on for."""
    assembler = Assembler()
    try:
        for line in text.split("\n"):
            assembler.feed(line)
    except LineError:
        return

    if is_open(text):
        with pytest.raises(LineError):
            assembler.close()
    else:
        assembler.close()


@pytest.mark.parametrize(
    ("first", "line", "last"),
    [
        ("echo '", "some text of a program", "'"),
        ('echo "', 'a "quoted" word', '"'),
        ('echo "', "some \\ text", '"'),
        ("echo '", "it's 'closed and opened", "'"),
        ("echo \\", "word \\", "word"),
        ("! echo '", "it's | grep 'again", "'"),
        ("", "echo a; echo b > f", ""),
        ("", 'echo $a "$b.c" && echo ${d}x', ""),
        ("for a in b {", "echo c; for d in $(e) { f }", "}"),
        ("! for a in b; do", "if c; then d; fi", "done"),
        ("! cat <<E", "some $text", "E"),
        ("! echo $(", 'echo "$(echo `a`)" ${b} $((1 + 2)) \\', ")"),
        ("#", "# a comment's text", ""),
    ],
)
def test_long_texts_take_time_in_proportion(first, line, last):
    """At once, as it is typed, and line by line, as scripts are read: no start is read again."""
    lines = [first, *[line] * 5_000, last]
    text = "\n".join(lines)
    assembler, found = Assembler(), []
    began = time.process_time()

    for one in lines:
        found += assembler.feed(one)

    assert found == parse(text)
    assert not is_open(text)
    assert place(text)
    assert time.process_time() - began < 4
