"""Names for lines of one's own."""

import click
import pytest

from atoll import Command, hookimpl
from atoll.output import Column


@click.command()
@click.argument("words", nargs=-1)
@click.option("--big", is_flag=True)
async def echo(context, words, big):
    text = " ".join(f"<{word}>" for word in words)
    context.output.stream("stdout", f"{text.upper() if big else text}\n")


@click.command()
async def things(context):
    await context.output.rows([{"id": 1}, {"id": 2}], [Column("id")])


class Plugin:
    """Commands to name lines of."""

    @hookimpl
    def atoll_commands(self):
        """Yield the commands."""
        yield Command("echo", "Echo words", "test_aliases:echo")
        yield Command("things", "List things", "test_aliases:things")


@pytest.fixture
def lines(shell, monkeypatch):
    """Run lines of a script."""
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    shell.add(Plugin(), "echo")
    return shell.run


@pytest.mark.parametrize(
    ("definition", "line", "told"),
    [
        ("e = echo --big", "e a", "<A>"),
        ("e='echo --big'", "e a", "<A>"),
        ("e = echo 'a b'", "e c", "<a b> <c>"),
        ("e = echo x-$2 $1", "e 'a b' c", "<x-c> <a b>"),
        ("e = 'echo \"x $1 y\" ${1}z'", "e 'a b'", "<x a b y> <a bz>"),
        ("e = echo $@ end", "e 'a b' c", "<a b> <c> <end>"),
        ("e = 'echo \"$@\"'", "e 'a b' c", "<a b> <c>"),
        ("e = 'echo all:$@'", "e a b", "<all:a b>"),
        ("e = 'echo a; echo b'", "e", "<a>\n<b>"),
        ("e = 'echo $1 && echo $2'", "e a b", "<a>\n<b>"),
        ("e = 'for x in $@ { echo $x }'", "e a b", "<a>\n<b>"),
        ("e = 'let y = $1; echo $y.z'", "e a", "<a.z>"),
        ("e = 'echo a b | tr a $1'", "e '*'", "<*> <b>"),
        ("e = echo a b", "e | tr a c", "<c> <b>"),
        ("e = 'echo a b | tr a c'", "e | tr c d", "<d> <b>"),
        ("e = '! printf \"%s.\" $1'", "e 'a  b'", "a  b."),
        ("e = echo", "let v = x; e $v", "<x>"),
        ("e = echo", "e 'a $v'", "<a $v>"),
        ("e = things", "let n = e | first; echo $n", "<1>"),
        ("e = things", "for n in $(e) { echo $n }", "<1>\n<2>"),
        ("e = things --output csv", "e", "id\n1\n2"),
        ("e = f x; alias f = echo", "e y", "<x> <y>"),
        ("echo2 = echo", "atoll echo2 a", "<a>"),
    ],
)
async def test_what_an_alias_expands_to(lines, capfd, definition, line, told):
    """Words in their places, or after the line; pipes, variables and blocks as in any line."""
    result = await lines(f"alias {definition}\n{line}\n")
    # What goes through a pipe is written by the system's programs.
    shown = result.stdout + capfd.readouterr().out
    assert (shown.strip(), result.stderr, result.code) == (told, "", 0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("alias echo = things", "echo is a command (no alias hides one)"),
        ("alias -x = things", "can't name an alias"),
        ("alias x", "there is no alias x (alias NAME = LINE)"),
        ("alias x =", "this is not an alias definition (alias NAME = LINE)"),
        ("alias x = ''", "needs a line"),
        ("alias x = 'echo \"a'", "alias x: a double quote is not closed"),
        ("alias x = echo $2\nx a", "alias x needs 2 words (it stands for echo $2)"),
        ("alias x = 'echo a; echo b'\nx c", "alias x takes no arguments"),
        ("alias x = 'echo a; echo b'\nx | cat", "is more than one command: nothing can"),
        ("alias x = 'echo a; echo b'\nlet y = x", "alias x is more than one command"),
        ("alias x = x\nx", "no such command: x"),
        ("alias x = y; alias y = x\nx", "no such command: x"),
        ("unalias x", "there is no alias x"),
        ("alias long = echo; unalias lang", "did you mean long?"),
    ],
)
async def test_invalid_aliases_are_refused(lines, text, problem):
    """Is refused in a line: when it is named, if that is possible."""
    result = await lines(text)
    assert problem in result.stderr
    assert (result.stderr.count("\n"), result.code > 0, result.stdout) == (1, True, "")


async def test_aliases_are_stored(lines):
    """For other windows and the next time; those of another window are not lost."""
    await lines("alias a = echo 1\nalias b = echo $1\n")
    await lines("unalias a")
    result = await lines("alias --output csv\n")
    assert result.stdout == "name,line\nb,echo $1\n"


@pytest.mark.parametrize("content", [b"\xff", b"[" * 10_000, b"- 1"])
async def test_an_invalid_aliases_file(shell, lines, content):
    """Is told of and kept as it is; commands work."""
    file = shell.home / "config" / "aliases.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)

    result = await lines("echo a\nalias\nalias x = echo\n")

    assert (result.stdout.splitlines()[0], result.code) == ("<a>", 2)
    assert result.stderr.count("aliases.yaml") == 2
    assert file.read_bytes() == content


async def test_completion(shell, lines):
    """Of aliases, and of what may follow as it may follow the command."""
    await lines("alias ee = echo --big\n")
    assert "ee" in await shell.complete("e")
    assert "--output" in await shell.complete("ee --o")
    assert await shell.complete("unalias ") == ["ee"]


def test_at_the_prompt_and_alone(prompt, tmp_path):
    terminal = prompt()
    terminal.run("alias v = version", "atoll>")
    terminal.run("v", "Python")
    terminal.type("clear\r")
    terminal.see("\x1b[2J")
    terminal.ready()
    assert terminal.leave() == 0
