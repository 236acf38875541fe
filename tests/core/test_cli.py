"""The program as it is started: arguments, doors, exit codes."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
NOWHERE = {
    "BACKEND_ENDPOINT": "http://127.0.0.1:9",
    "BACKEND_ACCESS_KEY": "AK",
    "BACKEND_SECRET_KEY": "SK",
}


@pytest.fixture
def atoll(home):
    """Run the program with an empty home."""

    def run(*arguments, stdin="", program="atoll", timeout=60, **environ):
        return subprocess.run(
            [BIN / program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **environ},
        )

    return run


def test_version_and_help(atoll):
    """Asked for, they are data."""
    from atoll import __version__

    assert atoll("--version").stdout == f"atoll {__version__}\n"
    assert atoll("-V", program="backend.ai").stdout == f"atoll {__version__}\n"
    result = atoll("--help")
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: atoll [OPTIONS] [COMMAND [ARGS]...]\n")
    assert "\nSessions:\n" in result.stdout
    assert "Terminate sessions (kill, terminate, destroy)" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuch"], 2, "atoll: no such command: nosuch"),
        (["--nope"], 2, "atoll: No such option '--nope'"),
        (["--output", "nope", "config"], 2, "atoll: no such output format: nope"),
        (["--profile", "nope", "ps"], 5, "atoll: no profile named 'nope' (known: none)"),
        (["-f", "/no/such/script"], 1, "atoll: /no/such/script: No such file or directory"),
        (["-c", "config\nnosuch"], 2, "atoll: line 2: no such command: nosuch"),
    ],
)
def test_refusals(atoll, arguments, code, message):
    """One line, and the exit code that the documentation names."""
    result = atoll(*arguments)

    assert result.returncode == code
    assert result.stderr.splitlines()[-1].startswith(message)
    assert "Traceback" not in result.stderr


def test_piped_lines(atoll):
    """A script on standard input stops at the line that fails."""
    result = atoll(stdin="config --output jsonl | head -1\nnosuch\nconfig\n")

    assert result.stdout.count("\n") == 1
    assert result.stderr.splitlines()[-1].startswith("atoll: line 2: no such command: nosuch")
    assert result.returncode == 2


def test_a_cluster_that_cannot_be_reached(atoll):
    """Is exit code 3, in one line that names it."""
    result = atoll("ps", **NOWHERE)

    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert "127.0.0.1:9" in result.stderr


def test_a_broken_plugin_costs_one_warning(atoll, tmp_path):
    """And only when plugins are wanted."""
    info = tmp_path / "atoll_broken-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: atoll-broken\nVersion: 9\n")
    (info / "entry_points.txt").write_text("[atoll.plugins]\nbroken = broken_plugin\n")
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('not today')\n")

    result = atoll("--help", PYTHONPATH=str(tmp_path))
    assert result.returncode == 0
    assert "Usage: atoll" in result.stdout
    assert result.stderr == (
        "atoll: plugin 'broken' (atoll-broken 9) is left out: "
        "importing broken_plugin raised RuntimeError: not today\n"
    )
    assert atoll("--no-plugins", "--help", PYTHONPATH=str(tmp_path)).stderr == ""
    assert atoll("--help", PYTHONPATH=str(tmp_path), ATOLL_PLUGINS="").stderr == ""
    listed = atoll("plugins", PYTHONPATH=str(tmp_path)).stdout
    assert "importing broken_plugin raised RuntimeError" in listed


def test_profiles_from_the_command_line(atoll, home):
    """Added, listed, used, removed; the secret comes by standard input and is shown nowhere."""
    add = ["profile", "add", "lab", "--endpoint", "https://lab.example.com", "--access-key", "AK"]
    assert atoll(*add, stdin="top secret\n").returncode == 0
    assert "lab" in atoll("profile", "list", "--output", "plain").stdout
    everything = atoll("profile", "list", "--output", "json").stdout + atoll("config").stdout
    assert "top secret" not in everything
    assert "top secret" in (home / "config" / "profiles" / "lab.yaml").read_text()
    assert atoll("profile", "use", "nope").returncode == 5
    assert atoll("profile", "list", "--output", "plain").stdout.startswith("*")
    assert atoll("profile", "use", "local").returncode == 0
    listed = atoll("profile", "list", "--output", "csv").stdout.splitlines()
    assert listed[1].startswith("false,lab,")
    assert listed[2].startswith("true,local,")
    assert atoll("profile", "rm", "lab").returncode == 0
    assert atoll(*add[:4], "no-url").returncode == 2


PIECES = [
    "ps",
    "run",
    "start",
    "rm",
    "info",
    "logs",
    "local",
    "status",
    "profile",
    "list",
    "config",
    "jobs",
    "help",
    "plugins",
    "cancel",
    "--help",
    "-h",
    "--output",
    "json",
    "csv",
    "nope",
    "-c",
    "-t",
    "-q",
    "--rm",
    "python",
    "=",
    "é",
    "--",
    "-",
    "-1",
    "%",
    "$X",
    "~",
    "*",
    "''",
    '"a',
    'b"',
    "'",
    '"',
    "#",
    ";",
    "&",
    "<",
    ">",
    ">>",
]
PIECES += ["\\", "\n", " ", "  ", "\t", "\u2028", "\0", "\x1b[31m", "| cat", "a" * 300]


@pytest.mark.slow
def test_ten_thousand_random_lines(atoll, tmp_path, monkeypatch):
    """No line whatever brings a traceback, an internal error or a hang."""
    monkeypatch.chdir(tmp_path)
    dice = random.Random(20210315)
    lines = "\n".join(
        "".join(dice.choice([" ", ""]) + dice.choice(PIECES) for _ in range(dice.randint(1, 8)))
        for _ in range(10_000)
    )

    result = atoll("--keep-going", stdin=lines, timeout=300, **NOWHERE)

    assert result.returncode in {1, 2, 3, 5}
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    assert result.stderr.count("\n") > 3_000


@pytest.mark.parametrize("command", ["--version", "--help", "config", "-c config", "config --help"])
def test_output_that_cannot_be_written_is_told_in_one_line(atoll, command):
    """Buffered or not, what is lost is no success."""
    for unbuffered in ("", "1"):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [BIN / "atoll", *command.split()],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            )
        where = "line 1: " if command.startswith("-c") else ""
        assert (done.returncode, done.stderr) == (1, f"atoll: {where}No space left on device\n")


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 0), ("2>&-", 0), ("<&- >&-", 0)])
@pytest.mark.parametrize(
    "command", ["--version", "--help", "profile list", "-c 'profile list'", ""]
)
def test_closed_streams_are_replaced(home, command, closed, code):
    done = subprocess.run(
        ["/bin/sh", "-c", f"{BIN}/atoll {command} {closed}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (code, "")


def test_an_encoding_without_a_letter(atoll):
    done = atoll(
        "-c",
        "profile add p --endpoint http://127.0.0.1:9 --access-key ü --secret-key s\n"
        "profile list --output csv",
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 0
    assert "p,http://127.0.0.1:9,\\xfc" in done.stdout


def test_a_configuration_that_cannot_be_read(atoll, home):
    """One line tells which file it is."""
    file = home / "config" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"output: \xff\n")
    assert atoll("config").stderr == f"atoll: {file} is not in UTF-8\n"
    file.unlink()
    file.mkdir()
    assert atoll("config").stderr == f"atoll: {file}: Is a directory\n"


@pytest.mark.parametrize(
    "arguments", [("-c", "config", "config"), ("-c", "config", "-f", "x"), ("-f", "x", "config")]
)
def test_a_command_and_a_script_exclude_each_other(atoll, arguments):
    result = atoll(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("atoll: -c LINES, -f FILE and a command exclude each other")


@pytest.mark.parametrize("arguments", [("--profile", "", "ps"), ("ps", "--profile", "")])
def test_an_empty_profile_name_is_refused(atoll, arguments):
    """`--profile "$CLUSTER"` must not run elsewhere when the variable is not set."""
    result = atoll(*arguments)
    assert result.returncode == 2
    assert "--profile" in result.stderr


def test_a_script_may_begin_with_a_byte_order_mark(atoll):
    result = atoll(stdin="\ufeffconfig --output jsonl\r\nprofile list --output jsonl\r\n")
    assert (result.returncode, result.stderr.count("atoll:")) == (0, 0)
