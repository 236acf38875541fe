"""What `--help` says of all commands that ship."""

import re

import click
import pytest

from atoll.program import Program

ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) /")


@pytest.fixture(scope="module")
def helps(tmp_path_factory):
    """Return the help of each command by its words, wrapped for a terminal of 80 columns."""
    program = Program.load(
        plugins=False, environ={"ATOLL_HOME": str(tmp_path_factory.mktemp("home"))}
    )
    return {
        " ".join(node.path): node.load().get_help(click.Context(node.load(), terminal_width=80))
        for node in program.tree.walk()
        if node.runs
    }


def test_users_are_told_of_no_routes(helps):
    """How the API names things is the business of those who read the code."""
    assert [name for name, text in helps.items() if ROUTE.search(text)] == []


def test_every_option_is_explained(helps):
    """Unless it lists the words that it takes, or names its default."""
    bare = re.compile(
        r"^  (-\w, )?--[\w-]+(, -{1,2}[\w-]+)*( [A-Z][^ ]*)?\n(?=  -|\Z)", re.MULTILINE
    )
    assert [name for name, text in helps.items() if bare.search(text + "\n")] == []


def test_names_of_further_commands_are_not_broken(helps):
    """They are there to be copied."""
    further = [text.partition("Further commands:")[2] for text in helps.values()]
    assert any(further)
    assert not [text for text in further if "-\n" in text]
