"""The grammar of a line."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atoll._line import Assembler, parse
from atoll._syntax import AndOr, For, Jump, Let, LineError, SimpleCommand
from atoll._words import Variable
from atoll.text import quote

words = st.text(
    st.characters(blacklist_characters="\r\0", blacklist_categories=["Cs"]), max_size=12
)
MARKS = ["&&", "||", "| first", " { ", " }", "$(", "$x", "${x}", "$x.y", "<<E\n", "$((", "\0"]
STARTS = ["for ", "let ", "in ", "! case ", "if ", "do "]
PIECES = st.lists(
    st.sampled_from([*"ab '\"\\;#|!&<>\n{}()$=~.`", *MARKS, *STARTS]), max_size=30
).map("".join)


@given(st.lists(words, min_size=1, max_size=6))
def test_quoted_words_are_read_back_as_themselves(given_words):
    """What `quote` writes, the grammar reads."""
    (statement,) = parse(" ".join(map(quote, given_words)))

    assert tuple(given_words) == statement.words


@given(st.text() | PIECES)
@example("for a in b {" * 500)
@example("$(" * 500)
def test_any_text_is_understood_or_refused(text):
    """No text whatever does more than raise LineError, with a line that exists."""
    try:
        nodes = parse(text)
    except LineError as error:
        lines = [error.line]
    else:
        assert all(bool(one.words) != bool(one.system) for one in commands(nodes))
        lines = [node.line for node in nodes]
    assert lines == sorted(lines)
    assert set(lines) <= set(range(1, text.count("\n") + 2))


def commands(nodes):
    """Yield all simple commands in some nodes, but for those that are values."""
    for node in nodes:
        match node:
            case SimpleCommand():
                yield node
            case For():
                yield from commands(node.body)
            case AndOr():
                yield from commands(part for _, part in node.parts)
            case Let():
                yield node.value


@given(PIECES.map(lambda text: text.split("\n")))
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
        (r'run -c "a \"b\" \n" p', [("run", "-c", r'a "b" \n', "p")]),
        (r"a\ b \'", [("a b", "'")]),
        ("a \\\n  b", [("a", "b")]),
        ("a\\\nb", [("ab",)]),
        ("''", [("",)]),
        ("", []),
        (
            '\'$X\' $1 $ $$ "${X:-1} $(a)" \\$X "\\$X"',
            [("$X", "$1", "$", "$$", "${X:-1} $(a)", "$X", "$X")],
        ),
        ("ps { }", [("ps", "{", "}")]),
        ("'for' x 'let'", [("for", "x", "let")]),
        ("for --help; let -h; let", [("for", "--help"), ("let", "-h"), ("let",)]),
    ],
)
def test_words(text, expected):
    """Words, quotes, comments and continued lines follow the habits of POSIX shells."""
    assert expected == [statement.words for statement in parse(text)]


def test_what_follows_the_words():
    """Redirections, pipes and the background belong to their statement."""
    assert parse("a <in >out") == [
        SimpleCommand(words=("a",), text="a <in >out", source="in", target="out")
    ]
    assert parse("a >> 'o u t'")[0].append
    assert parse("ps | grep 'a;b' 2>&1 && wc; rm x")[0].pipe == "grep 'a;b' 2>&1 && wc"
    assert [s.background for s in parse("a & b")] == [True, False]
    assert parse("a | b &")[0].background


def test_commands_of_the_system():
    """What a statement begins with `!` is the system shell's to read, up to the statement's end."""
    assert parse("! ls -l | wc >x 2>&1; ps")[0] == SimpleCommand(
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
        ("a < b < c", 1, "occurs twice"),
        ("; a", 1, "a command is missing before"),
        ("a\n&& b", 2, "a command is missing before '&&'"),
        ("a && ; b", 1, "a command is missing before ';'"),
        ("for x in a { b && }", 1, "a command is missing after '&&'"),
        ("a\nfor x of y { b }", 2, "for is written so"),
        ("for x in a", 1, "for is written so"),
        ("for x in { a }", 1, "for is written so"),
        ("for x in a > f { b }", 1, "for is written so"),
        ("for x in a { b } c", 1, "missing after '}'"),
        ("for x in a { b } | c", 1, "missing after '}'"),
        ("for x in $(a; b) { c }", 1, "there must be one command"),
        ("for x in $() { c }", 1, "there must be one command"),
        ("a $(b)", 1, "is allowed only after 'for NAME in'"),
        ("a\nbreak", 2, "between the braces"),
        ("for x in a { break 2 }", 1, "must be a statement of its own"),
        ("let x=1", 1, "let is written so"),
        ("let x = a | first | b", 1, "nothing follows '| first'"),
        ("for x in $(a | first b) { c }", 1, "nothing follows '| first'"),
        ("let x =", 1, "let is written so"),
        ("let x = a &", 1, "no effect in the background"),
        ("for x in a { " * 30 + "}" * 30, 1, "levels of blocks are nested"),
        ("| a", 1, "a command is missing before"),
    ],
)
def test_mistakes_are_reported_with_their_line(text, line, words):
    """A refusal names the line and the trouble."""
    with pytest.raises(LineError, match=words) as raised:
        parse(text)

    assert line == raised.value.line


OPEN = [
    "'a",
    '"a',
    "a \\",
    "a | 'b",
    "a \\\n",
    "for x in a {",
    "for x in $(a",
    "a &&",
    "a ||\n# b\n",
]
OPEN += ["! for x in a", "a | while read x; do", "! (", "! cat <<E\nx", "for x in a { ! if b }"]


@pytest.mark.parametrize("text", OPEN)
def test_an_open_line_can_be_continued(text):
    """A prompt asks for more where more could complete the line."""
    with pytest.raises(LineError) as raised:
        parse(text)

    assert raised.value.incomplete


def test_variables_in_words():
    """Outside single quotes, with fields or braces; whatever else follows `$` is no variable."""
    (command,) = parse('a $x "b $y.id-${z}s" x$? > $f $x.1')
    x, y, z, code = (
        Variable("x", (), "$x"),
        Variable("y", ("id",), "$y.id"),
        Variable("z", (), "${z}"),
        Variable("?", (), "$?"),
    )

    assert command.words == ("a", (x,), ("b ", y, "-", z, "s"), ("x", code), (x, ".1"))
    assert command.target == (Variable("f", (), "$f"),)


def test_and_or():
    """Statements that are joined run from left to right; a line may end in the mark."""
    (node,) = parse("a &&\n\n b # c\n")
    (background,) = parse("a || b && c &")

    assert [(mark, part.text) for mark, part in node.parts] == [("", "a"), ("&&", "b # c")]
    assert [mark for mark, _ in background.parts] == ["", "||", "&&"]
    assert (background.background, background.text) == (True, "a || b && c &")


def test_let():
    """A value is a command with what follows it, or a word."""
    one, two, three, four = parse(
        "let a = ps -f id | first && b; let c = ! date | wc; let d = 'e'; let g = h | grep first"
    )[:4]
    let, after = (part for _, part in one.parts)

    assert (let.name, let.value.words, let.value.first) == ("a", ("ps", "-f", "id"), True)
    assert after.words == ("b",)
    assert (two.value.system, two.value.first) == ("date | wc", False)
    assert (three.value.words, three.value.quoted) == (("e",), True)
    assert four.value.pipe == "grep first"


def test_a_line_may_be_pasted_with_its_prompt():
    """The prompt of a system's shell, and the name of the program."""
    let, loop, other = parse("$ atoll let a = b; atoll for x in c { backend.ai break }; atoll ps")

    assert (let.name, loop.name, loop.body[0].word) == ("a", "x", "break")
    assert other.words == ("atoll", "ps")


@pytest.mark.parametrize("before", ["atoll> ", "lab atoll> ", "[I] my-lab atoll> "])
def test_a_line_may_be_pasted_with_the_prompt(before):
    """It is no redirection into a file of the command's name; a prompt alone is nothing."""
    lines = ["$ atoll ps; ", "! ls > a\n", "for x in b {\n", "ps > c\n}\n", "\n"]
    end = "print atoll > d; e 'atoll> f'"
    first, system, loop, other, quoted = parse(before + before.join(lines) + end)

    assert (first.words, first.target, system.system) == (("$", "atoll", "ps"), None, "ls > a")
    assert (loop.body[0].words, loop.body[0].target) == (("ps",), "c")
    assert (other.words, other.target) == (("print", "atoll"), "d")
    assert quoted.words == ("e", "atoll> f")


def test_for():
    """Values are words and what commands give; the body is statements, over lines as well."""
    text = "for s in a $b $(ps --all | grep ')') {\n ps | grep '}'\nfor t in $s { break }; c } && d"
    (node,) = parse(text)
    (_, loop), (_, after) = node.parts
    ps, inner, last = loop.body

    assert (loop.name, loop.values[:2]) == ("s", ("a", (Variable("b", (), "$b"),)))
    assert (loop.values[2].words, loop.values[2].pipe) == (("ps", "--all"), "grep ')'")
    assert loop.text == "for s in a $b $(ps --all | grep ')')"
    assert (ps.pipe, ps.line, last.words, after.words) == ("grep '}'", 2, ("c",), ("d",))
    assert inner.body == (Jump(word="break", line=3, text="break"),)


WHOLE = [
    "for i in 1 2; do echo $i; done",
    "( echo a; echo b & )",
    "{ echo a; echo b; }",
    "echo $((1 & 2)) $(( (1&2) ))",
    "while read x; do echo $x; done",
    "case $x in a) echo a;; (b) echo b;; if) echo c & ;; esac",
    "if true; then echo y; elif x; then z; else { w; } fi",
    "cat <<< 'a;b'",
    """echo "$(echo "a;b")" `a;b` ${x:-;} ${x#a} "${x:-'}" """.strip(),
    "f() { echo; }",
    "for i in $(ls; ls); do if x; then y; fi; done | sort && echo",
    "echo $(case a in a) echo ';';; esac)",
    "echo $((echo a); echo b)",
    "make && ls || x 2>&1",
    "make &> log",
    "for i in 1 2\ndo\n echo\ndone",
    "echo done if {a,b} case",
    "echo $((1<<2)) a\\;b",
]


@pytest.mark.parametrize("command", WHOLE)
@pytest.mark.parametrize(
    ("before", "after"), [("", "; ps"), ("", "\nps"), ("", "& ps"), ("for x in a { ", " }\nps")]
)
def test_the_end_of_a_system_command_is_found(command, before, after):
    """Whatever the grammar of its shell has in it; `ps` after it is a statement of ours."""
    first, last = parse(f"{before}! {command}{after}")
    piped, _ = parse(f"{before}a | {command}{after}")
    first, piped = (one.body[0] if before else one for one in (first, piped))

    assert (first.system, piped.pipe) == (command, command)
    assert (last.words, last.line) == (("ps",), 1 + command.count("\n") + after.count("\n"))


@pytest.mark.parametrize(
    "text", ["cat <<E\na; 'b\nE", "cat <<-'E F' | tr a b; echo\nx\n\tE F", "(cat <<E\n)\nE\n)"]
)
def test_here_documents_belong_to_commands_of_the_system(text):
    """All their lines, and what stands after them on their first."""
    first, last = parse(f"! {text}\nps")

    assert (first.system, last.words) == (text, ("ps",))


def test_comments_in_system_commands():
    """A quote in it opens nothing."""
    assert [one.system for one in parse("! a # it's\n! b")] == ["a # it's", "b"]
