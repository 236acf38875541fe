"""SSH into sessions: of the embedded cluster, and of one not written here (BACKEND_ENDPOINT).

One session serves all tests. Where the cluster's image runs as root, as on a test bed, the session
is given the user `work` that Backend.AI makes elsewhere.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import frozen
from tests.interop.work_user import MAKE_USER

pytestmark = pytest.mark.interop

IMAGE = os.environ.get("ATOLL_INTEROP_IMAGE", "python:3.11-debian12")
SMALL = ("-r", "cpu=1", "-r", "mem=512m")


@frozen
class Place:
    """A user's folder and environment, facing a cluster."""

    home: Path
    environ: dict[str, str]

    def run(self, *command: str | Path, **options) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; `env` adds to the environment."""
        env = {**self.environ, **options.pop("env", {})}
        settings = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, **options}
        return subprocess.run(command, cwd=self.home, env=env, timeout=120, **settings)

    def atoll(self, *words: str, **options) -> "subprocess.CompletedProcess[str]":
        """Run atoll."""
        return self.run(Path(sys.executable).with_name("atoll"), *words, **options)


@pytest.fixture(scope="module")
def place(cluster, tmp_path_factory) -> Place:
    """The place of a user of either cluster, who has no keys and no configuration of SSH."""
    home = tmp_path_factory.mktemp("user")
    plain = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    return Place(home, {**plain, "ATOLL_HOME": str(home / "atoll"), **cluster.environ})


@pytest.fixture(scope="module")
def session(place):
    """A session with an SSH server."""
    name = f"it-ssh-{uuid4().hex[:8]}"
    started = place.atoll("start", "-t", name, *SMALL, IMAGE)
    assert started.returncode == 0, started
    listed = json.loads(place.atoll("apps", name, "--output", "json").stdout)
    if "sshd" not in {service["name"] for service in listed}:
        pytest.skip("sessions of this cluster have no SSH server")
    if "127.0.0.1" in place.environ["BACKEND_ENDPOINT"]:
        place.atoll("run", "-q", "-t", name, "-c", MAKE_USER, IMAGE)
    yield name
    place.atoll("rm", "-f", name)


def test_a_command_runs_as_work_and_its_exit_code_is_ours(place, session):
    ran = place.atoll("ssh", session, "id -un; pwd; echo told >&2; exit 42")
    assert (ran.returncode, ran.stdout) == (42, "work\n/home/work\n"), ran
    assert "told" in ran.stderr


def test_the_key_is_kept_where_nobody_else_can_read_it(place, session):
    place.atoll("ssh", session, "true")
    [key] = (place.home / "atoll" / "state" / "ssh").rglob("id_container")
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert not (place.home / "id_container").exists()


def test_the_document_s_copies(place, session):
    (place.home / "tmp").mkdir()
    (place.home / "tmp" / "a file").write_text("content")
    for line in ("-p 9922 -r tmp/ work@localhost:tmp2/", "-p 9922 -r work@localhost:tmp2/ back/"):
        copied = place.atoll("scp", session, *line.split())
        assert copied.returncode == 0, copied
    assert (place.home / "back" / "a file").read_text() == "content"


def test_sftp_runs_a_batch(place, session):
    (place.home / "batch").write_text("mkdir made\nls -1\n")
    ran = place.atoll("sftp", session, "-b", "batch")
    assert ran.returncode == 0, ran
    assert "made" in ran.stdout


def test_another_server_is_refused(place, session):
    assert place.atoll("ssh", session, "true").returncode == 0
    [known] = (place.home / "atoll" / "state" / "ssh").rglob("known_hosts")
    true = known.read_text()
    place.run("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", "other")
    other = (place.home / "other.pub").read_text().split()[1]
    known.write_text(f"* ssh-rsa {other}\n")
    refused = place.atoll("ssh", session, "true")
    known.write_text(true)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr or "no hostkey alg" in refused.stderr


def test_without_openssh_the_built_in_clients_serve(place, session):
    builtin = {"ATOLL_SSH_CLIENT": "builtin"}
    ran = place.atoll("ssh", session, "cat; exit 3", env=builtin, stdin=None, input="piped")
    assert (ran.returncode, ran.stdout) == (3, "piped"), ran
    (place.home / "one").mkdir()
    (place.home / "one" / "file").write_text("by hand")
    for words in (["-r", "one/", "work@localhost:two/"], ["-r", ":two", "three"]):
        copied = place.atoll("scp", session, *words, env=builtin)
        assert copied.returncode == 0, copied
    assert (place.home / "three" / "file").read_text() == "by hand"


def test_the_document_s_own_recipe(place, session):
    """`download id_container`, `app sshd -b PORT`, and a plain ssh."""
    assert place.atoll("download", session, "id_container").returncode == 0
    words = [Path(sys.executable).with_name("atoll"), "app", session, "sshd", "-b", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(words, cwd=place.home, env=place.environ, **pipes) as app:
        port = next(m[1] for line in app.stdout if (m := re.search(r"127\.0\.0\.1:(\d+)", line)))
        blind = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        where = ["-i", "id_container", "work@localhost", "-p", port]
        ran = place.run("ssh", *blind, *where, "echo there")
        app.terminate()
    assert (ran.returncode, ran.stdout) == (0, "there\n"), ran


def test_hosts_of_sessions_for_all_that_builds_on_ssh(place, session):
    config = place.home / "config"
    assert place.atoll("ssh-config", "-F", "config").returncode == 0
    ssh = ["ssh", "-F", str(config)]
    host = f"{session}.atoll"
    try:
        ran = place.run(*ssh, host, "echo there; exit 5")
        assert (ran.returncode, ran.stdout) == (5, "there\n"), ran
        copied = place.run("scp", "-F", "config", "config", f"{host}:copied")
        assert copied.returncode == 0, copied
        if shutil.which("rsync") and not place.run(*ssh, host, "command -v rsync").returncode:
            synced = place.run("rsync", "-a", "-e", " ".join(ssh), "config", f"{host}:synced")
            assert synced.returncode == 0, synced
        again = place.run(*ssh, host, "cat copied")
        assert again.stdout == config.read_text()
    finally:
        place.run(*ssh, "-O", "exit", host)


@pytest.fixture
def theirs(official, name, client):
    """A session of the embedded cluster that an official client has started."""
    (official.home / ".ssh").mkdir(parents=True, exist_ok=True)
    start, end = ("create", "destroy") if client.group else ("start", "rm")
    started = official(*client.group, start, "-t", name, IMAGE)
    assert started.code == 0, started
    yield name
    official(*client.group, end, name)


def test_the_official_client_logs_in(official, theirs, client, command):
    """Its `ssh` downloads the key, forwards a port and runs OpenSSH, each by starting itself."""
    path = f"{command.parent}:{os.environ['PATH']}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    words = (*client.group, "ssh", theirs, "-p", port, "echo $HOME")
    with official.started(*words, PATH=path) as running:
        # It may never end: the signal that it sends to the other one of itself gets lost at times.
        running.wait_for("/home/work")
