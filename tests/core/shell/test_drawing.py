"""What the prompt draws around a line: the toolbar below, and colours in it."""

import time

import pytest
from prompt_toolkit.document import Document

from atoll._jobs import Job
from atoll._shell.cursor_place import place
from atoll._shell.lexer import LineLexer
from atoll._shell.toolbar import Toolbar
from atoll._state import ShellState


def test_a_segment_that_fails_is_left_out(program, capsys):
    """It costs one warning that names its plugin; the others are drawn on."""
    toolbar = Toolbar(program.registry, ShellState(profile_name="lab", last_code=3))

    assert toolbar.draw(80) == toolbar.draw(80) == "lab | exit 3 | steady 3"
    warnings = capsys.readouterr().err
    assert warnings.count("shaky") == 2
    assert "atoll-prompted 1.0" in warnings


@pytest.mark.parametrize(
    ("width", "drawn"),
    [
        (23, "lab | exit 3 | steady 3"),
        (22, "lab | exit 3"),
        (12, "lab | exit 3"),
        (11, "lab"),
        (10, "lab"),
        (2, ""),
    ],
)
def test_a_narrow_terminal(program, width, drawn):
    """What matters least gives way, whole."""
    state = ShellState(profile_name="lab", last_code=3)

    assert Toolbar(program.registry, state).draw(width) == drawn


def test_jobs_and_old_names_are_shown(program):
    """They are of interest while they last."""
    state = ShellState(profile_name="lab", names_old=True, last_seconds=2.04)
    state.jobs._jobs = {
        1: Job("linger &", number=1, state="running"),
        2: Job("echo &", number=2, state="done", exit_code=0),
    }

    assert (
        Toolbar(program.registry, state)
        .draw(80)
        .startswith("lab | 1 job | took 2.0 s | names are old")
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("thing show x", {"thing": "class:command", "show": "class:command"}),
        ("thing nope", {"thing": "class:command", "nope": "class:command.unknown"}),
        (
            "for t in $(thing ls) { echo $t | wc; break }",
            {
                "for": "class:command",
                "$(": "class:operator",
                "thing": "class:command",
                "ls": "class:command",
                ")": "class:operator",
                "{": "class:operator",
                "echo": "class:command",
                "$t": "class:variable",
                "| wc": "class:operator",
                "break": "class:command",
                "}": "class:operator",
            },
        ),
        ("let t = echo a", {"let": "class:command", "echo": "class:command"}),
        ("let t = nope", {"let": "class:command"}),
        ("nope x", {"nope": "class:command.unknown"}),
        ("echo -n 'a b'", {"echo": "class:command", "-n": "class:option", "'a b'": "class:string"}),
        (
            "ps > f # c",
            {"ps": "class:command.unknown", ">": "class:operator", "# c": "class:comment"},
        ),
        ("echo 'open", {"echo": "class:command", "'open": "class:string"}),
    ],
)
def test_colours(program, line, expected):
    """Commands, options and quotes are told apart, unfinished as they may be."""
    pieces = LineLexer(program.tree).lex_document(Document(line))(0)

    assert "".join(piece[1] for piece in pieces) == line
    assert {text: style for style, text, *_ in pieces if style} == expected


def test_colours_of_many_lines(program):
    """A quote that spans lines has its colour on each."""
    line_of = LineLexer(program.tree).lex_document(Document("echo 'a\nb'\nps"))

    assert line_of(0)[-1] == ("class:string", "'a")
    assert ("class:string", "b'") in line_of(1)
    assert line_of(3) == []


@pytest.mark.parametrize(
    "text",
    [
        "echo a\nthing show 'b\nc' -x\nnope",
        "echo \\\nthing\n\n# c\nthing \\\nshow | grep 'x\ny' ; echo\n",
        'echo "a\\\nb" > \\\nf\nps',
        "for t in $(thing ls | first) b {\n echo $t &&\n ! if x; then\n y; fi\n}\nps",
    ],
)
def test_colours_while_a_text_is_typed(program, text):
    """Each key leaves the colours that the whole would have if it were read at once."""
    typed_at = LineLexer(program.tree)
    for end in range(len(text) + 1):
        line_of = typed_at.lex_document(Document(text[:end]))
        count = text[:end].count("\n") + 1
        at_once = LineLexer(program.tree).lex_document(Document(text[:end]))
        assert [line_of(n) for n in range(count)] == [at_once(n) for n in range(count)]
        shown = "\n".join("".join(piece[1] for piece in line_of(n)) for n in range(count))
        assert shown == text[:end]


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("", "thing show x"),
        ("for x in a b {", "thing show $x"),
        ("for x in $(thing ls", "thing show x"),
        ("run -c 'a", "print(1) # b"),
        ("! for i in 1 2; do", "echo $i | cat"),
        ("echo \\", "x y z \\"),
    ],
)
def test_a_key_in_a_long_text(program, before, line):
    """It costs as much as its own line, whatever the others have left open."""
    lexer, text = LineLexer(program.tree), "\n".join([before, *[line] * 3_000])
    lexer.lex_document(Document(text))

    began = time.process_time()
    for key in range(20):
        lexer.lex_document(Document(text + " x" * key))
    assert (time.process_time() - began) / 20 < 0.05


def test_the_cursor_place_does_not_depend_on_lines_before():
    """What was typed on the lines before changes nothing, unless it is still open."""
    before = "echo 'a\nb'\nps; thing \\\n show a"

    assert place(before).words == ("thing", "show")
    assert place(before).raw == "a"
    assert place("echo 'a\nb").raw == "'a\nb"
