"""Variables, `&&` and `||`, `let`, `for` and `source`, run as a script runs them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from atoll import Command, hookimpl


class Sample:
    """The plugin under which the commands of `sample.py` go."""

    @hookimpl
    def atoll_commands(self) -> Iterator[Command]:
        for name in ("echo", "leave", "table", "find", "read"):
            yield Command(name, f"The command {name}", f"sample:{name}")
        yield Command("ranged", "Defines variables", "sample:ranged", variables=("--range",))


@pytest.fixture(autouse=True)
def plugin(shell, monkeypatch):
    """Offer the commands to each test."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    shell.environ["HERE"] = "there"
    shell.add(Sample())


@pytest.mark.parametrize(
    ("lines", "stdout"),
    [
        ("let x = a; echo $x ${x}b '$x' \"<$x>\" \\$x", "a ab $x <a> $x\n"),
        ("let x = 'a  b*'\nlet y = $x\necho \"$y\" $y$y", "a  b* a  b*a  b*\n"),
        ("let x = ''; echo $x.", ".\n"),
        ("echo $HERE.txt", "there.txt\n"),
        ("let HERE = here; let x = ! echo $HERE '$x'; echo $HERE $x", "here here $x\n"),
        ("leave 0; echo $?", "0\n"),
        ("leave 3 || echo $?; echo $?", "3\n0\n"),
        ("let command = 'echo'; $command a", "a\n"),
        ('echo $1 $ $$ "$(a) ${X:-1}"', "$1 $ $$ $(a) ${X:-1}\n"),
    ],
)
async def test_variables(shell, lines, stdout):
    """A value is one word or part of one, whatever it holds; other dollars stay as they are."""
    result = await shell.run(lines)
    assert (result.stderr, result.stdout, result.code) == ("", stdout, 0)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("echo $nothing", "there is no variable nothing (single quotes keep the $)"),
        ("echo a > $nothing", "there is no variable nothing"),
        ("echo $HERT", "there is no variable HERT (did you mean HERE?)"),
        ("let x = table; echo $x", "$x holds 2 records, but one is needed"),
        ("let x = table | first; echo $x.z", "$x.z: there is no field z (name, size)"),
        ("let x = leave 0 | first", "let x = leave 0 | first: it returned no record, so"),
        ("let x = a b", "no such command: a"),
        ("let x = 'a' b", "a text of several words needs quotes around all of it"),
        ("find it && echo b", "there is no it"),
        ("for x in $(find it) { echo $x }", "there is no it"),
        ("for x in 1 2 {\nfind $x }", "there is no 1"),
        ("source nowhere", "nowhere: No such file or directory"),
        ("source a | cat", "source takes a file, and nothing after it"),
    ],
)
async def test_a_failed_line_is_named_with_the_reason(shell, line, told):
    """One line says what is wrong, and where."""
    result = await shell.run(f"\n{line}\necho never")

    number = 3 if "\n" in line else 2
    assert result.stderr.startswith(f"atoll: line {number}: {told}")
    assert (result.stderr.count("\n"), result.code > 0) == (1, True)
    assert "never" not in result.stdout


@pytest.mark.parametrize(
    ("lines", "stdout", "code"),
    [
        ("leave 0 && echo a || echo b", "a\n", 0),
        ("leave 3 && echo a || echo b", "b\n", 0),
        ("leave 3 || leave 4 || echo b\necho c", "b\nc\n", 0),
        ("leave 0 || echo a\necho c", "c\n", 0),
        ("leave 3 &&\n  echo a\necho c", "", 3),
        ("leave 3 || leave 4\necho c", "", 4),
        ("for x in a { leave 3 || echo $x }; echo b", "a\nb\n", 0),
    ],
)
async def test_and_or(shell, lines, stdout, code):
    """What `||` has made good is no failure of the script; its code is that of the last command."""
    result = await shell.run(lines)

    assert (result.stdout, result.code) == (stdout, code)
    assert ("ended with exit code" in result.stderr) == bool(code)


@pytest.mark.parametrize(
    ("lines", "stdout"),
    [
        ("let t = table | first; echo $t $t.name $t.size.", "a a 1.\n"),
        ("let t = table\nfor r in $t { echo $r.size }", "1\n\n"),
        ("let t = echo 'a b'; echo \"<$t>\"", "<a b>\n"),
        ("let t = echo a | tr a b; echo $t", "b\n"),
        (
            "let t = ! printf 'a\\nb\\n\n'; echo \"<$t>\"; for l in $t { echo $l. }",
            "<a\nb>\na.\nb.\n",
        ),
        ("let t = table --output csv | wc -l; echo $t", "3\n"),
        ("let t = table --one --output jsonl; echo $t", '{"name": "a", "size": 1}\n'),
        ("let echo = 'echo'; echo $echo", "echo\n"),
    ],
)
async def test_let_stores_the_result_of_a_command(shell, lines, stdout):
    """Records with their fields, or the text that it writes; nothing of that is shown."""
    result = await shell.run(lines)
    assert (result.stderr, result.stdout, result.code) == ("", stdout, 0)


async def test_the_output_format_does_not_affect_values(shell):
    """A value is a record, whatever the script writes; an option of its own makes it a text."""
    lines = "let t = table | first; echo $t.size\nlet u = table --one --output csv; echo $u\ntable"
    shell.environ["ATOLL_OUTPUT"] = "jsonl"
    result = await shell.run(lines)
    assert result.stdout.splitlines()[:4] == ["1", "name,size", "a,1", '{"name": "a", "size": 1}']


async def test_a_failed_let_keeps_the_old_value(shell):
    """The value before stays."""
    result = await shell.run("let x = a\nlet x = find it || echo $x $?")
    assert (result.stdout, result.code) == ("a 5\n", 0)


async def test_let_without_arguments_lists_variables(shell):
    result = await shell.run("let a = 1; let b = table; for c in x { }; let --output jsonl")
    assert result.stdout.splitlines() == [
        '{"name": "a", "value": "1"}',
        '{"name": "b", "value": "2 records"}',
        '{"name": "c", "value": "x"}',
    ]


@pytest.mark.parametrize(
    ("lines", "stdout"),
    [
        ("for x in a 'b c' $HERE { echo \"<$x>\" }", "<a>\n<b c>\n<there>\n"),
        ("for r in $(table) {\n  echo $r.name\n\n}\necho $r.size.", "a\nbé\x1b[31m\n.\n"),
        ("for l in $(! printf 'a\\nb\\n') c { echo $l }", "a\nb\nc\n"),
        ("for n in $(table | first) { echo $n }", "a\n"),
        ("for x in 1 2 { for y in 3 4 { echo $x$y } }", "13\n14\n23\n24\n"),
        ("for x in 1 2 3 { leave $x || continue; echo no }", ""),
        ("for x in 1 2 3 { echo $x; for y in 1 2 { break }; leave 1 || break }", "1\n"),
        ("for x in 0 1 { leave $x && break }", ""),
        ("for x in $(! true) { echo $x }; echo end", "end\n"),
    ],
)
async def test_for(shell, lines, stdout):
    """Values come from words and from commands; the body may stand over several lines."""
    result = await shell.run(lines)
    assert (result.stdout, result.code) == (stdout, 0)


async def test_a_loop_stops_at_its_first_failure_unless_told_to_keep_going(shell):
    """As a script does; each failure is told once."""
    lines = "for x in 1 0 2 {\nleave $x\n}\necho end"
    stopped, kept = await shell.run(lines), await shell.run(lines, keep_going=True)

    told = "atoll: line 2: 'leave $x' ended with exit code"
    assert (stopped.stdout, stopped.stderr, stopped.code) == ("", f"{told} 1\n", 1)
    assert (kept.stdout, kept.stderr, kept.code) == ("end\n", f"{told} 1\n{told} 2\n", 1)


async def test_the_body_of_a_loop_may_run_in_the_background(shell):
    """With variables of its own, as they were."""
    result = await shell.run("for x in a b { echo $x & }\nlet x = c\nfor y in d e { echo $x$y } &")
    assert sorted(result.stdout.split()) == ["a", "b", "cd", "ce"]


async def test_print_prints_values(shell):
    result = await shell.run("let who = 'a  b'\nprint hello $who -n '$who'\nprint")
    assert (result.code, result.stdout) == (0, "hello a  b -n $who\n\n")


async def test_source_runs_the_lines_of_a_file(shell, tmp_path):
    """Its variables stay; a failure names file and line; a file that runs itself ends."""
    (tmp_path / "set").write_text("\ufefflet x = a\r\nlet y = b")
    (tmp_path / "bad").write_text("echo $x\nfor x in 1 {\n  leave 3\n}")
    (tmp_path / "wrong").write_text("echo never\n'")
    (tmp_path / "self").write_text(f"source {tmp_path}/self")
    (tmp_path / "bytes").write_bytes(b"echo \xff")

    good = await shell.run(f"source {tmp_path}/set && echo $x$y")
    bad = await shell.run(f"source {tmp_path}/set; source {tmp_path}/bad; echo never")
    others = [await shell.run(f"source {tmp_path}/{name}") for name in ("wrong", "self", "bytes")]

    assert (good.stdout, good.stderr) == ("ab\n", "")
    assert (bad.stdout, bad.code) == ("a\n", 3)
    assert bad.stderr == f"atoll: {tmp_path}/bad, line 3: 'leave 3' ended with exit code 3\n"
    assert others[0].stderr == (
        f"atoll: line 1: {tmp_path}/wrong, line 2: a single quote is not closed\n"
    )
    assert "source is nested more than 20 files deep" in others[1].stderr
    assert "bytes is not text in UTF-8" in others[2].stderr
    assert {(one.stdout, one.stderr.count("\n")) for one in others} == {("", 1)}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("exit", 0),
        ("exit 7", 7),
        ("leave 3 || exit", 3),
        ("leave 3 || exit 0", 0),
        ("for x in 1 2 { for y in 3 4 { exit $y } }", 3),
        ("echo a > /dev/null && quit 5", 5),
    ],
)
@pytest.mark.parametrize("keep_going", [True, False])
async def test_exit_ends_a_script(shell, lines, code, keep_going):
    """Wherever it stands, with its own code or that of the statement before."""
    result = await shell.run(f"{lines}\necho never", keep_going=keep_going)
    assert (result.stdout, result.stderr, result.code) == ("", "", code)


async def test_exit_in_a_file_or_a_job(shell, tmp_path):
    """That of a file ends the script, too; a job is no script."""
    (tmp_path / "file").write_text("exit 6")
    assert (await shell.run(f"source {tmp_path}/file; echo never")).code == 6
    refused = await shell.run("exit 3 &\nexit 400")
    assert refused.code == 2
    assert "there is none here" in refused.stderr
    assert "400 is not in the range" in refused.stderr


async def test_a_line_may_define_variables_for_its_command(shell):
    """They are left to it, whatever is kept by that name; others have their values."""
    lines = 'let X = kept; ranged "$X-${Y}-$HERE" --range X=1,2 --range=Y=3; echo $X'
    result = await shell.run(lines)
    assert result.stdout == "$X-${Y}-there\nkept\n"


async def test_long_scripts_take_time_in_proportion(shell):
    """A text of 4,000 lines in one word, a loop over it, and as many lines of their own."""
    text = "\n".join(["a line"] * 4_000)
    began = time.process_time()
    result = await shell.run(
        f"let x = '{text}'\nfor l in $x {{ let y = $l }}\n" + "let z = a\n" * 4_000
    )

    assert result.code == 0
    assert time.process_time() - began < 10
