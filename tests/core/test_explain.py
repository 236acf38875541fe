"""`explain` tells what a command would send, sends nothing, and changes nothing."""

import json
import sys
from types import ModuleType

import click
import pytest

from atoll import Command, hookimpl
from atoll._api.likely_answers import answer_to
from atoll.reading import maybe
from atoll.testing import Shell


@pytest.fixture
async def refusing(serve):
    """An endpoint at which nobody may ask for anything."""

    async def handler(seen, stream):
        raise AssertionError(f"{seen.method} {seen.target} was sent")

    async with serve(handler) as server:
        yield server


@pytest.fixture
def shell(home, refusing):
    """The shell, for which that endpoint is the cluster."""
    keys = {"BACKEND_ACCESS_KEY": "AKEY", "BACKEND_SECRET_KEY": "SKEY"}
    shell = Shell(home, {"BACKEND_ENDPOINT": refusing.url, **keys})
    shell.load("rest", "sessions", "vfolders", "admin")
    yield shell
    assert refusing.requests == []


async def sent(shell, line):
    """Explain a line; returns the requests, each as its method, path and body."""
    result = await shell.run(f"explain --output json {line}")
    assert result.code == 0, result.stderr
    return [
        (one["method"], one["path"], json.loads(one["body"]) if one["body"] else None)
        for one in json.loads(result.stdout)
    ], result.stderr


async def test_a_command_without_lookups(shell):
    requests, told = await sent(shell, "start -t work -r cpu=2 python")
    assert [one[:2] for one in requests] == [("GET", "/"), ("POST", "/session")]
    assert requests[1][2]["config"]["resources"]["cpu"] == "2"
    assert told == "not shown: further requests, which depend on the answers\n"


async def test_looked_up_things_are_assumed_to_exist(shell):
    requests, told = await sent(shell, "rm work")
    assert [one[:2] for one in requests] == [
        ("GET", "/"),
        ("POST", "/admin/gql"),
        ("DELETE", "/session/<id>"),
    ]
    assert 'name == "work"' in requests[1][2]["variables"]["filter"]
    assert told.startswith("assumed: what the command looks up exists, and sessions run\n")


async def test_a_command_with_a_question_asks_nothing(shell):
    requests, _ = await sent(shell, "admin domain delete research")
    assert "mutation" in requests[-1][2]["query"]


async def test_lines_and_aliases(shell):
    """A line of several commands is one word; an alias stands for what it means."""
    requests, _ = await sent(shell, "'start -t a python; start -t b python'")
    assert [one[2]["name"] for one in requests if one[2]] == ["a", "b"]
    made = await shell.run("alias go = 'start -t $1 python'")
    assert made.code == 0, made.stderr
    requests, _ = await sent(shell, "go work")
    assert requests[-1][2]["name"] == "work"


async def test_secrets_are_not_shown(shell):
    line = "update-password old-Secret1 new-Secret1 new-Secret1"
    result = await shell.run(f"explain --output json {line}")
    assert "Secret1" not in result.stdout + result.stderr
    assert json.loads(json.loads(result.stdout)[-1]["body"])["new_password"] == "***"


async def test_files_are_shown_by_their_size(shell, tmp_path):
    (tmp_path / "data.csv").write_text("1,2,3")
    result = await shell.run(f"explain run --basedir {tmp_path} python {tmp_path}/data.csv")
    assert "POST    /session" in result.stdout
    assert "1,2,3" not in result.stdout


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("profile remove lab", "it works on this machine, or does not end"),
        ("sweep rm s-12ab", "it works on this machine, or does not end"),
        ("explain ps", "it works on this machine, or does not end"),
        ("nope", "no such command: nope"),
        ("rm", "missing argument"),
        ("rm --nonsense x", "no such option"),
        ("start -r cpu python", "-r cpu: not of the form"),
        ("@lab ps", "takes no @NAME"),
        ("'for x in 1 2 { ps }'", "commands without pipes, files and variables"),
    ],
)
async def test_commands_that_cannot_be_explained(shell, line, told):
    result = await shell.run(f"explain {line}")
    assert (result.code, result.stdout) == (2, "")
    assert told in result.stderr


async def test_nothing_of_the_user_is_changed(shell, home):
    """Folders of the user's own are others while a command is explained."""

    @click.command()
    async def scribble(context):
        """Write a file, then ask."""
        context.paths.state.mkdir(parents=True)
        (context.paths.state / "scribbled").write_text("x")
        await (await context.connect()).json("POST", "/scribble", json={"lines": 3})

    class Plugin:
        @hookimpl
        def atoll_commands(self):
            yield Command("scribble", "Scribble", "scribbling:scribble")

    module = ModuleType("scribbling")
    module.scribble = scribble
    sys.modules["scribbling"] = module
    try:
        shell.add(Plugin(), "scribbler")
        result = await shell.run("explain scribble")
    finally:
        del sys.modules["scribbling"]
    assert '/scribble  {"lines": 3}' in result.stdout
    assert list(home.rglob("scribbled")) == []


async def test_a_command_that_would_send_nothing(shell):
    result = await shell.run("explain run --exec-range=X=case:1,2 --dry-run -c '$X' python")
    assert (result.code, result.stderr) == (0, "nothing would be sent\n")


def test_likely_answers():
    """Made of the fields that are asked for, aliases among them, and of the shape."""
    query = "query($f: String) { found: list(filter: $f) { items { id name status } total_count } }"

    def record(node):
        return tuple(node.items())

    like = {"found": maybe({"items": [record], "total_count": int})}
    fields = (("id", "<id>"), ("name", "<name>"), ("status", "RUNNING"))
    assert answer_to(query, like, "AKEY") == {"found": {"items": [fields], "total_count": 1}}
    assert answer_to("{ me { access_key } }", {"me": {"access_key": str}}, "AKEY") == {
        "me": {"access_key": "AKEY"}
    }
