"""Commands that run lines as part of themselves, and keep what these write."""

from types import SimpleNamespace

import click
import pytest
import trio

from atoll import Capture, Command, hookimpl
from atoll._capture import MOST
from atoll.output import Column

HERE = "test_within_plugin"
COLUMNS = [Column("name"), Column("n", right=True)]


@click.command()
@click.argument("names", nargs=-1)
async def tell(context, names):
    """Tell a record for each name, and a remark."""
    context.output.note(f"asked by {context.foreground}")
    await context.output.rows([{"name": name, "n": 1} for name in names], COLUMNS)
    return 3 if "fail" in names else 0


@click.command()
@click.option("--columns", type=int)
@click.option("--shown", is_flag=True)
@click.argument("line")
async def outer(context, line, columns, shown):
    """Run a line."""
    CAPTURES.append(None if shown else Capture(columns=columns))
    return await context.run(line, CAPTURES[-1])


CAPTURES = []


@pytest.fixture
def within(shell, monkeypatch):
    """Run a line within a command; returns its capture, and what came of the command."""
    import sys

    module = SimpleNamespace(tell=tell, outer=outer)
    monkeypatch.setitem(sys.modules, HERE, module)
    commands = [Command("tell", "", f"{HERE}:tell"), Command("outer", "", f"{HERE}:outer")]
    shell.add(SimpleNamespace(atoll_commands=hookimpl(lambda: commands)))

    async def run(line, *options):
        from atoll.text import quote

        result = await shell.run(" ".join(["outer", *options, "--", quote(line)]))
        return CAPTURES[-1], result

    return run


async def test_the_output_of_a_line_is_captured(within):
    """Its records by their names, too; nothing is shown."""
    capture, result = await within("tell a; tell b")
    assert (result.stdout, result.stderr, result.code) == ("", "", 0)
    assert capture.of("stderr") == "asked by False\n" * 2
    assert "a" in capture.of("stdout")
    assert capture.records == [{"name": "a", "n": 1}, {"name": "b", "n": 1}]


async def test_it_is_shown_without_a_capture(within):
    """As if it had been typed."""
    _, result = await within("tell a --output csv", "--shown")
    assert (result.stdout, result.stderr) == ("name,n\na,1\n", "asked by True\n")


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("tell fail; tell b", 3, "asked by"),
        ("nope", 2, "nope"),
        ("tell a &", 2, "background"),
        ("tell 'a", 2, "quote"),
        ("! exit 7", 7, ""),
        ("! kill -TERM $$", 143, ""),
    ],
)
async def test_failures(within, line, code, told):
    """The exit code is that of the first; what is wrong with the line is the command's own."""
    capture, result = await within(line)
    assert result.code == code
    assert told in capture.text + result.stderr
    assert not any(record["name"] == "b" for record in capture.records)


async def test_commands_of_the_system(within):
    """Alone, or at the end of a pipe, which is read as a pipe is."""
    capture, _ = await within("! sh -c 'echo out; echo err >&2'")
    assert sorted(capture.text.splitlines()) == ["err", "out"]
    capture, _ = await within("tell a b --output csv | grep -c ,", "--columns", "80")
    assert capture.of("stdout") == "3\n"
    assert len(capture.records) == 2


async def test_a_process_left_behind_is_not_waited_for(within):
    """Though it holds its output open."""
    with trio.fail_after(60):
        capture, _ = await within("! sh -c 'sleep 60 & echo done'")
    assert capture.of("stdout") == "done\n"


async def test_the_captured_output_is_limited(within):
    """What is too much is lost."""
    capture, _ = await within(f"! python3 -c 'print(\"x\" * {MOST * 2})'")
    assert len(capture.text) == MOST
