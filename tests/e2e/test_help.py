"""What `--help` says of all commands that ship."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from atoll import AtollError
from atoll._line import parse
from atoll._program import Program
from atoll._syntax import AndOr, For, Let, LineError, SimpleCommand
from atoll._words import as_written
from atoll.hookspecs import EXAMPLES

ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) /")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program as it ships."""
    environ = {"ATOLL_HOME": str(tmp_path_factory.mktemp("home"))}
    return Program.load(plugins=False, environ=environ)


@pytest.fixture(scope="module")
def tree(program):
    """All commands that ship."""
    return program.tree


@pytest.fixture(scope="module")
def commands(tree):
    """Return each command by its words."""
    return {" ".join(node.path): node.load() for node in tree.walk() if node.runs}


@pytest.fixture(scope="module")
def helps(commands):
    """Return the help of each command by its words, wrapped for a terminal of 80 columns."""
    return {
        name: command.get_help(click.Context(command, terminal_width=80))
        for name, command in commands.items()
    }


def test_users_are_told_of_no_routes(helps):
    """How the API names things is the business of those who read the code."""
    assert [name for name, text in helps.items() if ROUTE.search(text)] == []


def test_every_option_is_explained(commands):
    options = [
        (name, option)
        for name, command in commands.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]
    assert len(options) > 500
    assert [f"{name} {option.opts[0]}" for name, option in options if not option.help] == []


def test_every_command_and_group_has_a_summary(tree):
    waiting, bare = [tree.root], []
    while waiting:
        below = [node for node in waiting.pop().children.values() if not node.hidden]
        bare += [" ".join(node.path) for node in below if not node.summary]
        waiting += below
    assert bare == []


def test_consent_is_given_in_one_way(commands):
    """By `-y` and `--yes`, whatever else a command takes for it."""
    consents = [
        option
        for command in commands.values()
        for option in command.params
        if isinstance(option, click.Option) and "Don't ask" in str(option.help)
    ]
    assert len(consents) > 10
    assert all({"-y", "--yes"} <= set(option.opts) for option in consents)
    assert {option.help for option in consents} == {"Don't ask."}


@pytest.mark.parametrize("program", ["atoll", "backend.ai"])
@pytest.mark.parametrize("words", [[], ["run"], ["admin"], ["session"]])
def test_help_names_the_program_that_was_called(atoll, program, words):
    shown = atoll.run(*words, "--help", program=program)
    assert shown.stdout.startswith(f"Usage: {program} {' '.join(words)}".rstrip()), shown
    wrong = atoll.run(*words, "--nonsense", program=program)
    assert f"({program} " in wrong.stderr


@pytest.mark.parametrize(
    "line",
    [
        "$ backend.ai version-of",
        "$ atoll version-of",
        "backend.ai version-of",
        "$ version-of",
        "% atoll version-of",
    ],
)
def test_a_line_pasted_with_its_prompt_is_understood(atoll, line):
    """As documents have it; the command is one that there is not, and is the word complained of."""
    refused = atoll.run(stdin=line + "\n")
    assert "no such command: version-of" in refused.stderr


def test_names_of_further_commands_are_not_broken(helps):
    """They are there to be copied."""
    further = [text.partition("Further commands:")[2] for text in helps.values()]
    assert any(further)
    assert not [text for text in further if "-\n" in text]


@pytest.fixture(scope="module")
def examples(tree):
    """Return the examples of each command that listings show, by its words."""
    listed = [node for node in tree.walk() if node.runs and not node.hidden]
    return {" ".join(node.path): node.examples() for node in listed}


def test_every_command_has_an_example(examples, helps):
    """Below its help, as a line that can be copied."""
    assert [name for name, lines in examples.items() if not lines] == []
    for name, lines in examples.items():
        for one in lines:
            assert f"  atoll {one.line}" in helps[name]
            assert one.line.startswith(name)


def test_every_example_is_of_a_command_that_there_is(program, examples):
    shown = {one.line for lines in examples.values() for one in lines}
    for provided in program.registry.collect(EXAMPLES):
        node, _ = program.tree.find(provided.record.line.split())
        assert provided.record.line in shown or node.hidden


def commands_in(nodes):
    """Yield the words of all commands that a line may run."""
    for node in nodes:
        if isinstance(node, SimpleCommand):
            yield [as_written(word) for word in node.words]
        elif isinstance(node, Let):
            yield from commands_in([node.value])
        elif isinstance(node, For):
            yield from commands_in(node.body)
        elif isinstance(node, AndOr):
            yield from commands_in([part for _, part in node.parts])


FILES = ("train.py", "data.csv", "train.yaml", "bashrc", "train.atoll")


def test_examples_can_be_run_as_they_stand(tree, examples, tmp_path, monkeypatch):
    """Each is a line of the shell, and its command takes all words of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dataset").mkdir()
    for name in FILES:
        (tmp_path / name).write_text("")
    wrong = []
    for one in (one for lines in examples.values() for one in lines):
        try:
            for words in commands_in(parse(one.line)):
                with tree.prepare(words).calls:
                    pass
        except (AtollError, LineError) as error:
            wrong.append(f"{one.line}: {error}")
    assert wrong == []


MANUAL = Path(__file__).parents[2] / "docs" / "atoll.1"


def sections(page):
    """Return the sections of a manual page by their titles."""
    _, *parts = re.split(r"^\.SH (.*)$", page, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_manual_page_is_that_of_the_program(atoll):
    """What is installed is what `help --man` writes. It lists options and commands as they were
    when it was made: `make man` makes it anew.
    """
    made, kept = sections(atoll.run("help", "--man").stdout), sections(MANUAL.read_text())
    assert made.keys() == kept.keys()
    for title in made.keys() - {"OPTIONS", "COMMANDS", "EXAMPLES"}:
        assert made[title] == kept[title], "make man"
    assert "\\fBrun\\fR" in made["COMMANDS"]
    assert "atoll run" in made["EXAMPLES"]


def test_the_manual_page_can_be_read(atoll, needs):
    needs("groff")
    page = atoll.run("help", "--man").stdout
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-cbou"], input=page, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ +0 +all went well$", done.stdout, re.MULTILINE)


def test_the_manual_page_is_installed(tmp_path):
    """Where `man` looks for it: below the folder of the program."""
    from hatchling.builders.wheel import WheelBuilder

    builder = WheelBuilder(str(MANUAL.parents[1]))
    (wheel,) = builder.build(directory=str(tmp_path), versions=["standard"])
    names = subprocess.run(
        [shutil.which("python3"), "-m", "zipfile", "-l", wheel], capture_output=True, text=True
    ).stdout
    assert ".data/data/share/man/man1/atoll.1" in names
