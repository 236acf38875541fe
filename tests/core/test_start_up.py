"""What each front door may import: the promise on which short start-ups stand."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ATOLL = Path(sys.executable).with_name("atoll")
ASYNC = {"trio", "asyncio"}
SERVER = {"starlette", "uvicorn", "graphql", "sqlite3"}
WIRE = {"httpx", "websockets", "asyncssh"}


@pytest.fixture(scope="module")
def environ(tmp_path_factory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    return {"PATH": os.environ["PATH"], "HOME": str(home), "ATOLL_HOME": str(home / "atoll")}


@pytest.fixture(scope="module")
def cluster(environ) -> Iterator[dict[str, str]]:
    """The environment of a shell for which the embedded cluster runs already."""
    subprocess.run([ATOLL, "local", "up"], env=environ, check=True, capture_output=True)
    yield environ
    subprocess.run([ATOLL, "local", "down"], env=environ, check=True, capture_output=True)


def imported(
    arguments: Sequence[str], environ: dict[str, str], stdin: str = "", *, whole: bool = False
) -> set[str]:
    """Run the program; returns the names of all that it imports, `whole` or the top-level ones."""
    command = [sys.executable, "-X", "importtime", ATOLL, *arguments]
    done = subprocess.run(command, env=environ, input=stdin, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    told = [line for line in lines if not line.startswith("import time:")]
    assert (done.returncode, told) == (0, [])
    names = {line.rpartition("|")[2].strip() for line in lines}
    return names if whole else {name.partition(".")[0] for name in names}


def test_version_needs_nothing(environ):
    found = imported(["--version"], environ)
    assert "atoll" in found
    assert (
        found & {"click", "attr", "attrs", "pluggy", "prompt_toolkit", "yaml", *ASYNC, *WIRE}
        == set()
    )


@pytest.mark.parametrize("arguments", [["--help"], ["profile", "--help"]])
def test_help_needs_no_event_loop_and_no_network(environ, arguments):
    found = imported(arguments, environ)
    assert "pluggy" in found
    assert found & {"prompt_toolkit", "yaml", *ASYNC, *WIRE, *SERVER} == set()


def test_the_list_of_all_commands_needs_no_parser(environ):
    assert "click" not in imported(["--help"], environ)


def test_one_command_needs_no_prompt_and_nothing_of_the_cluster(cluster):
    found = imported(["ps"], cluster)
    assert {"trio", "httpx"} <= found
    assert found & {"prompt_toolkit", "asyncio", "websockets", "asyncssh", *SERVER} == set()


def test_one_command_needs_no_grammar_of_lines(environ):
    found = imported(["profile", "list"], environ, whole=True)
    grammar = ("tokens", "words", "sh", "syntax", "line", "interpreter", "variables")
    assert "atoll._runner" in found
    assert found & {f"atoll._{name}" for name in grammar} == set()


def test_a_script_needs_no_prompt(cluster):
    found = imported([], cluster, stdin="ps\nprofile list\n")
    assert {"trio", "httpx"} <= found
    assert found & {"prompt_toolkit", "asyncio", "websockets", "asyncssh", *SERVER} == set()
