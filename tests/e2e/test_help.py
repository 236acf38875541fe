"""What `--help` says of all commands that ship."""

import re

import click
import pytest

from atoll._program import Program

ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) /")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """All commands that ship."""
    environ = {"ATOLL_HOME": str(tmp_path_factory.mktemp("home"))}
    return Program.load(plugins=False, environ=environ).tree


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
    ["$ backend.ai version-of", "$ atoll version-of", "backend.ai version-of", "$ version-of"],
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
