"""Several profiles, of which one is an embedded cluster, and the others are down."""

import json

import pexpect
import pytest

from atoll.testing import Prompt


@pytest.fixture(scope="module")
def profiles(shared):
    """Profiles: `home` and `guarded`, the same cluster, and `down`, which is in use."""
    assert shared.run("start", "-t", "kept", "bash", timeout=120).returncode == 0
    told = shared.run("local", "env").stdout.splitlines()
    env = dict(line.removeprefix("export ").split("=", 1) for line in told if "=" in line)
    endpoint = env["BACKEND_ENDPOINT"].strip("'\"")
    keys = [env[f"BACKEND_{name}_KEY"].strip("'\"") for name in ("ACCESS", "SECRET")]
    for name, more in (("home", []), ("guarded", ["--protect", "--color", "red"])):
        add = ["profile", "add", name, "--endpoint", endpoint, "--access-key", keys[0]]
        done = shared.run(*add, "--secret-key", keys[1], *more)
        assert done.returncode == 0, done.stderr
    shared.run(
        "profile",
        "add",
        "down",
        "--endpoint",
        "http://127.0.0.1:9",
        "--access-key",
        "A",
        "--secret-key",
        "S",
    )
    shared.run("profile", "use", "down")
    return shared


def test_side_by_side(profiles):
    """What is down costs a line, and the exit code."""
    done = profiles.run("@*", "ps", "-f", "name", "--output", "json")

    names = {(one["profile"], one["name"]) for one in json.loads(done.stdout)}
    assert names == {("guarded", "kept"), ("home", "kept"), ("local", "kept")}
    (line,) = done.stderr.splitlines()
    assert line.startswith("atoll: down: can't connect to http://127.0.0.1:9")
    assert done.returncode == 3


def test_what_destroys_where_it_is_guarded(profiles):
    """Is refused to a script; nothing is asked elsewhere."""
    done = profiles.run(stdin="@guarded rm kept\n@home ps -f name,status --output csv\n")
    assert "Profile guarded is protected. Run rm kept? (--yes answers yes)" in done.stderr
    assert done.returncode == 2
    assert (
        "kept,RUNNING" in profiles.run("@home", "ps", "-f", "name,status", "--output", "csv").stdout
    )


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rm ke", ""),
        ("@home rm ke", "kept"),
        ("rm --profile home ke", "kept"),
        ("--profile home rm ke", "kept"),
        ("@down rm ke", ""),
        ("@home rm --profile down ke", ""),
        ("@nope rm ke", ""),
        ("@gua", "@guarded"),
        ("use gua", "guarded"),
    ],
)
def test_completion_in_other_shells(profiles, line, offered):
    """Offers names of the cluster that the line goes to, or none."""
    done = profiles.run("completion", "answer", "--line", f"atoll {line}")
    assert [one.split("\t")[0] for one in done.stdout.splitlines()] == offered.split()


def completes(terminal, typed, becomes):
    """Press Tab after what is typed until it becomes what it should: names are asked for first."""
    for _ in range(20):
        terminal.type(f"{typed}\t")
        terminal.child.expect([pexpect.TIMEOUT], timeout=1)
        shown = terminal.shown()
        terminal.clear()
        if becomes in shown:
            return
    raise AssertionError(f"it did not become {becomes!r}, but:\n{shown}")


def test_completion_at_the_prompt(profiles):
    """Follows the line, and what the prompt has turned to."""
    environ = {**profiles.environ(), "PROMPT_TOOLKIT_NO_CPR": "1"}
    terminal = Prompt.open([str(profiles.program())], environ, columns=100)
    try:
        completes(terminal, "@home info ke", "@home info kept")
        terminal.type("use guarded\r")
        terminal.see("guarded")
        terminal.ready()
        completes(terminal, "info ke", "guarded atoll> info kept")
        terminal.type("rm kept\r")
        terminal.see("Profile guarded is protected. Run rm kept? [y/N] ")
        terminal.type("\r")
        terminal.see("nothing was changed")
        terminal.ready()
        assert terminal.leave() == 0
    finally:
        terminal.close()
