"""A whole cluster behind a bastion: its name means something there alone."""

import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

SERVE = """
import http.server, threading
server = http.server.HTTPServer(("127.0.0.1", 18913), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
"""
PROGRAM = Path(sys.executable).with_name("atoll")


class Home:
    """The installed program with a home of its own."""

    def __init__(self, folder: Path, user_home: Path | None = None) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BACKEND_", "ATOLL_"))}
        self.environ = {**kept, "ATOLL_HOME": str(folder), "LC_ALL": "C.UTF-8"}
        if user_home is not None:
            self.environ["HOME"] = str(user_home)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return subprocess.run(
            [PROGRAM, *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            env=self.environ,
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An embedded cluster, with a session named `inner`: the settings for other clients."""
    home = Home(tmp_path_factory.mktemp("cluster"))
    home.run("local", "up")
    assert home.run("start", "-t", "inner", "python").returncode == 0
    lines = home.run("local", "env").stdout.splitlines()
    yield dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:])
    home.run("local", "down")


@pytest.fixture
def carrier() -> None:
    """The program chooses by itself; a test may say otherwise."""


@pytest.fixture
def outside(cluster, bastion, user_home, tmp_path) -> Home:
    """The program where nothing of the cluster can be reached but the bastion."""
    home = Home(tmp_path / "outside", user_home)
    port = cluster["BACKEND_ENDPOINT"].rpartition(":")[2]
    keys = ["--access-key", cluster["BACKEND_ACCESS_KEY"]]
    keys += ["--secret-key", cluster["BACKEND_SECRET_KEY"]]
    endpoint = f"http://cluster.internal:{port}"
    home.run("profile", "add", "direct", "--endpoint", endpoint, *keys)
    home.run("profile", "add", "lab", "--endpoint", endpoint, *keys, "--via", bastion.via)
    home.run("profile", "use", "lab")
    return home


def test_without_the_bastion_there_is_no_such_host(outside):
    refused = outside.run("ps", "--profile", "direct")
    assert (refused.returncode, "no host cluster.internal" in refused.stderr) == (3, True)


@pytest.mark.parametrize("client", ["auto", "builtin"])
def test_requests_and_channels_go_through(outside, known_bastion, client):
    outside.environ["ATOLL_SSH_CLIENT"] = client
    listed = outside.run("ps", "--output", "csv")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "inner" in listed.stdout
    ran = outside.run("run", "-t", "inner", "-c", "print(6 * 7); raise SystemExit(3)", "python")
    assert (ran.returncode, ran.stdout) == (3, "42\n")


def test_lines_of_a_script_share_the_connection(outside, known_bastion):
    code = "run -t inner -c 'print(1)' python; run -t inner -c 'print(2)' python"
    ran = outside.run("-c", code)
    assert (ran.returncode, ran.stdout) == (0, "1\n2\n")
    assert known_bastion.log.count("Accepted publickey") == 1


def test_app_reaches_a_service(outside, known_bastion):
    outside.run("start", "-t", "served", "--preopen", "18913", "python")
    assert outside.run("run", "-t", "served", "-c", SERVE, "python").returncode == 0
    app = subprocess.Popen(
        [PROGRAM, "app", "served", "18913", "-p", "preopen", "-b", "0"],
        env=outside.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with app:
        assert app.stdout is not None
        port = next(m[1] for line in app.stdout if (m := re.search(r"127\.0\.0\.1:(\d+)", line)))
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
        assert page.status == 200
        app.terminate()
    outside.run("rm", "served")


def test_nobody_can_be_asked_in_a_pipe(outside, bastion):
    refused = outside.run("ps")
    assert refused.returncode == 4
    [line] = refused.stderr.splitlines()
    assert "ED25519 SHA256:" in line
    assert "profile test" in line


def test_the_prompt_asks_once_and_then_knows(outside, bastion):
    terminal = pexpect.spawn(
        str(PROGRAM),
        env={**outside.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        encoding="utf-8",
        timeout=60,
        dimensions=(24, 120),
    )
    terminal.expect("atoll>")
    terminal.send("ps --output csv\r")
    terminal.expect(r"Is that the right one\? \[y/N\]")
    terminal.send("y\r")
    terminal.expect("inner,")
    terminal.send("ps --output csv\r")
    terminal.expect("inner,")
    terminal.send("exit\r")
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 0
    assert outside.run("ps").returncode == 0
