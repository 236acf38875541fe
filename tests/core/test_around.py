"""What plugins want around commands: invocations, and options on commands of others."""

from importlib import import_module
from pathlib import Path

import pytest
import trio

NAMED = "atoll: plugin 'bad' (atoll-bad 1.0): "


@pytest.fixture
def surrounding(shell, monkeypatch):
    """The plugin of `surrounding.py`, with nothing noted yet."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = import_module("surrounding")
    module.NOTED.clear()
    shell.add(module, "work")
    return module


async def test_an_invocation_learns_how_a_command_ended(shell, surrounding):
    """By its exit code, and by what it raised."""
    shell.add(surrounding.Auditing(), "audit")
    await shell.run("work; work more; work fails\nwork leaves\nnosuch", keep_going=True)

    assert [(command, code, told) for command, _, _, code, told in surrounding.NOTED] == [
        ("work", 0, ""),
        ("work more", 0, ""),
        ("work", 1, "AtollError"),
        ("work", 9, "SystemExit"),
    ]


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("takes -k s3cret word", "takes -k *** word"),
        ("takes -ks3cret word", "takes -k*** word"),
        ("takes --key=s3cret word", "takes --key=*** word"),
        ("takes --key s3cret s3cret", "takes --key *** ***"),
        ("takes -e TOKEN=a=b -eX=y word", "takes -e TOKEN=*** -eX=*** word"),
        ("takes -e NAME", "takes -e NAME"),
        ("takes --pin 1234 word", "takes --pin *** word"),
        ("hides --key 'two words'", "hides --key ***"),
    ],
)
async def test_only_the_command_gets_secrets(shell, surrounding, line, seen):
    shell.add(surrounding.Auditing(), "audit")
    result = await shell.run(line)
    ((command, words, secret, _, _),) = surrounding.NOTED

    assert (" ".join(words), secret) == (seen, command == "hides")
    assert "***" not in result.stdout


async def test_nobody_gets_the_secrets_of_profiles(shell, surrounding):
    shell.add(surrounding.Auditing(), "audit")
    await shell.run("profile add x --endpoint http://x --access-key AK --secret-key s3cret")
    ((command, words, secret, _, _),) = surrounding.NOTED

    assert (command, secret) == ("profile add", True)
    assert (words[-2:], "s3cret" in " ".join(words)) == (("--secret-key", "***"), False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("yields_nothing", "yields_nothing"),
        ("yields_twice", "yields_twice"),
        ("leaves", "leaves"),
        ("leaves_after", "leaves_after"),
        ("no_manager", "no_manager"),
        ("missing", "surrounding:missing"),
        ("swallows", ""),
        ("keeps_a_nursery", ""),
    ],
)
@pytest.mark.parametrize("line", ["work", "work fails"])
async def test_a_bad_invocation_costs_a_warning(shell, surrounding, name, message, line):
    shell.add(surrounding.Bad(name), "bad")
    result = await shell.run(line)
    told = [one for one in result.stderr.splitlines() if "no more" not in one]

    assert (result.stdout, result.code) == ("working\n", int("fails" in line))
    assert ("no more" in result.stderr) == ("fails" in line)
    assert len(told) == bool(message)
    assert all(one.startswith(NAMED) and message in one for one in told)


@pytest.mark.parametrize("name", ["never_begins", "never_ends"])
async def test_an_invocation_has_a_time_limit(shell, surrounding, name, autojump_clock):
    """The others, and the command, go on without it."""
    shell.add(surrounding.Bad(name), "bad")
    shell.add(surrounding.Auditing(), "audit")
    result = await shell.run("work fails")

    assert result.stdout == "working\n"
    assert f"{NAMED}invocation {name!r} took longer than 5 s" in result.stderr
    assert surrounding.NOTED[0][3:] == (1, "AtollError")


async def test_output_of_an_invocation_is_not_data(shell, surrounding):
    shell.add(surrounding.Bad("prints"), "bad")
    result = await shell.run("work")

    assert result.stdout == "working\n"
    assert result.stderr == f"{NAMED}printed\n{NAMED}and after\n"


async def test_an_added_option_runs_around_the_command(shell, surrounding):
    """With its value, and only where it has one."""
    shell.add(surrounding.Adding("note", around="surrounding:noted"), "note")
    result = await shell.run("work --note 'a b'\nwork -n x fails", keep_going=True)
    without = await shell.run("work; work more --output csv")

    assert result.stderr.splitlines() == [
        "before 'a b'",
        "after 'a b': 0",
        "before 'x'",
        "after 'x': 1",
        "atoll: line 2: no more",
    ]
    assert without.stderr == ""


@pytest.mark.parametrize(
    ("option", "line", "value"),
    [
        ("what", "work", None),
        ("what", "work --tag a --tag b", ("a", "b")),
        ("number", "work", 0),
        ("number", "work --number 7", 7),
        ("flag", "work", None),
        ("flag", "work --flag", True),
    ],
)
async def test_what_counts_as_a_value(shell, surrounding, option, line, value):
    shell.add(surrounding.Adding(option, around="surrounding:noted"), "note")
    result = await shell.run(line)
    assert (f"before {value!r}" in result.stderr) == (value is not None)


async def test_help_shows_the_plugin_of_an_option(shell, surrounding):
    shell.add(surrounding.Adding("note"), "note")
    result = await shell.run("work --help")
    assert "A note about it. (plugin note)" in " ".join(result.stdout.split())


async def test_names_that_are_taken(shell, surrounding):
    """An option of the command's own stays; of two plugins, the first keeps it, once told."""
    shell.add(surrounding.Adding("note", commands=("own", "work")), "first")
    shell.add(surrounding.Adding("note"), "second")
    result = await shell.run("own --output x\nmine --note y\nwork -n z\nwork -n z")
    options = "{'first.note'"

    assert result.stdout.splitlines()[0].startswith("mine x ")
    assert result.stdout.splitlines()[1].startswith("y None ")
    assert options not in result.stdout
    told = "option --note of own is already provided by the command"
    assert result.stderr.count(f"plugin 'first' (atoll-first 1.0): {told}") == 2  # and by its alias
    told = "option --note of work is already provided by plugin 'first'"
    assert result.stderr.count(f"plugin 'second' (atoll-second 1.0): {told}") == 1


async def test_a_parameter_of_the_same_name_is_another(shell, surrounding):
    """`what` is the command's argument, and an option of somebody else."""
    shell.add(surrounding.Adding("what", around="surrounding:noted"), "tags")
    result = await shell.run("work --tag x fails")
    assert "before ('x',)" in result.stderr
    assert "no more" in result.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("no_option", "surrounding:no_option is not a click option"),
        ("missing", "surrounding:missing"),
    ],
)
async def test_an_invalid_option_costs_a_warning(shell, surrounding, option, message):
    shell.add(surrounding.Adding(option), "bad")
    result = await shell.run("work")

    assert result.stdout == "working\n"
    assert result.stderr.startswith(NAMED)
    assert message in result.stderr


async def test_a_failing_option_names_its_plugin(shell, surrounding):
    shell.add(surrounding.Adding("broken"), "bad")
    result = await shell.run("work --broken x")

    assert result.code == 1
    assert "plugin 'bad' (atoll-bad 1.0): option --broken raised ZeroDivisionError" in result.stderr


async def test_an_option_of_all_commands(shell, surrounding):
    shell.add(surrounding.Adding("flag", commands=("*",), around="surrounding:noted"), "all")
    result = await shell.run("work --flag; config --flag >/dev/null; own --flag")
    assert result.stderr.count("before True") == 3


async def test_ctrl_c_reaches_an_invocation(shell, surrounding):
    """It is told of it, and by its exit code."""
    shell.add(surrounding.Auditing(), "audit")
    with trio.move_on_after(0.5):
        await shell.run("work waits")
    assert surrounding.NOTED[0][3:] == (130, "Cancelled")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("meets too-many-stars", "it can't be (name the star by its number)"),
        ("meets too-many-stars 'do this'", "it can't be (do this)"),
        ("meets nothing", "it can't be"),
    ],
)
async def test_plugins_give_hints_for_refusals(shell, surrounding, line, told):
    """Where the refusal has no better hint of its own."""
    shell.add(surrounding.Advising(), "advice")
    result = await shell.run(line)
    assert result.stderr == f"atoll: line 1: {told}\n"
