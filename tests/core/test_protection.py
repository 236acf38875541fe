"""A profile that is protected: what destroys asks first, whichever command it is."""

from pathlib import Path

import click
import pytest
from attrs import evolve

from atoll import Command, Paths, Profile, hookimpl, yes_option
from atoll._profiles import ProfileStore
from atoll._program import Program

LAB = Profile(name="lab", endpoint="http://127.0.0.1:9", protect=True)


class Plugin:
    """Commands that destroy, and one that does not."""

    @hookimpl
    def atoll_commands(self):
        """Yield the commands."""
        yield Command("look", "Look", "test_protection:look")
        yield Command("smash", "Smash things", "test_protection:smash", destroys=True)
        yield Command("wipe", "Wipe a thing", "test_protection:wipe", destroys=True)


@click.command()
@click.argument("words", nargs=-1)
async def look(context, words):
    """Look."""
    context.output.stream("stdout", "looked\n")


@click.command()
@click.argument("words", nargs=-1)
@click.option("--dry-run", is_flag=True)
async def smash(context, words, dry_run):
    """Smash."""
    context.output.stream("stdout", "smashed\n")


@click.command()
@yes_option("--force")
async def wipe(context, yes):
    """Wipe, after a question of its own."""
    await context.consent("Wipe it all?", yes=yes)
    context.output.stream("stdout", "wiped\n")


@pytest.fixture
def lines(shell, monkeypatch):
    """Run lines with `lab`, which is protected and in use, and `open`, which is not."""
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    shell.add(Plugin(), "smashing")
    store = ProfileStore(Paths.from_environment({"ATOLL_HOME": str(shell.home)}))
    store.save(LAB)
    store.save(evolve(LAB, name="open", protect=False))
    store.use("lab")
    return shell.run


@pytest.mark.parametrize(
    "line",
    [
        "look",
        "smash x --yes",
        "smash --dry-run",
        "wipe --yes",
        "wipe -y",
        "wipe --force",
        "@open smash",
        "smash --profile open",
        "use open; smash",
    ],
)
async def test_commands_that_ask_nothing(lines, line):
    """What destroys nothing, was answered before, or goes to another profile."""
    result = await lines(line)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("smash 'a b'", "smash 'a b'"),
        ("wipe", "wipe"),
        ("@lab smash", "smash"),
        ("use open; @lab smash", "smash"),
        ("smash &", "smash"),
    ],
)
async def test_questions_without_a_terminal_are_refused(lines, line, shown):
    """Nothing is done, and the line that would do it is named."""
    result = await lines(line)
    question = f"this needs an answer: Profile lab is protected. Run {shown}? (--yes answers yes)"
    assert question in result.stderr
    assert (result.code, result.stdout) == (2, "")


async def test_a_command_with_its_own_question(lines):
    """Asks it as ever where nothing is protected."""
    result = await lines("@open wipe")
    assert "this needs an answer: Wipe it all? (--yes answers yes)" in result.stderr


async def test_a_long_line_is_cut_in_the_question(lines):
    result = await lines("smash " + "x" * 5000)
    assert len(result.stderr) < 400


def test_at_a_terminal(prompt, lines):
    """One question, answered once; anything but yes is no."""
    terminal = prompt("test_protection:Plugin", environ={"PYTHONPATH": str(Path(__file__).parent)})
    terminal.type("smash x\r")
    terminal.see("Profile lab is protected. Run smash x? [y/N] ")
    terminal.type("n\r")
    terminal.see("nothing was changed")
    terminal.ready()
    terminal.type("wipe\r")
    terminal.see("Profile lab is protected. Run wipe? [y/N] ")
    terminal.type("y\r")
    assert "Wipe it all?" not in terminal.see("wiped\r\n")
    terminal.ready()
    assert terminal.leave() == 0


def test_built_in_destructive_commands_are_declared(home):
    """Whatever asks for itself does, but for what asks for another reason."""
    tree = Program.load().tree
    asking = {
        " ".join(node.path)
        for node in tree.walk()
        if node.runs
        and not node.destroys
        and any("--yes" in param.opts for param in node.load().params)
    }
    assert asking == {"host remove", "run", "session run", "local repair", "local reset"}
    for name in ("rm", "session kill", "restart", "vfolder delete", "admin user purge"):
        assert tree.find(name.split())[0].destroys
    for node in tree.walk():
        if node.destroys:
            assert any("--yes" in param.opts for param in node.load().params), node.path
