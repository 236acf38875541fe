"""`app`, `apps` and `connect` against a cluster not written here, with the services that each of
its sessions has.
"""

import json
import os
import socket
import subprocess
import urllib.request
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.interop

SMALL = ("-r", "cpu=1", "-r", "mem=512m")


@pytest.fixture
def atoll(endpoint, make_program):
    """The shell, facing the cluster."""
    return make_program("atoll", endpoint)


@pytest.fixture
def session(atoll, name, image):
    """A session of the test's own."""
    try:
        started = atoll("start", "--max-wait", "60", "-t", name, *SMALL, image)
        assert started.code == 0, started
        yield name
    finally:
        atoll("rm", name)


@contextmanager
def forwarded(atoll, session, *apps):
    """Run `app`; gives the addresses that it shows, by app."""
    with atoll.started("--output", "jsonl", "app", session, *apps, "-b", "0") as running:
        for app in apps:
            running.wait_for(f'"app": "{app}"')
        shown = running._printed["out"].decode().splitlines()
        yield {row["app"]: row for row in map(json.loads, shown)}
        running.interrupt()
        assert running.finish().code == 0


def fetch(address, path="/"):
    with urllib.request.urlopen(f"{address}{path}", timeout=20) as answer:  # noqa: S310  # of ours
        return answer.read()


def greeting(atoll, session):
    """What the SSH server says first, through `connect`."""
    words = [*atoll.command, "connect", session, "sshd"]
    environ = {**os.environ, **atoll.environ, "HOME": str(atoll.home)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, env=environ, **pipes) as process:
        try:
            return process.stdout.read(8)
        finally:
            process.kill()


def test_the_services_of_a_session(atoll, session):
    """Web services, SSH, many requests, a tunnel as a command: one session for all of it."""
    listed = atoll("--output", "json", "apps", session)
    assert listed.code == 0, listed
    names = {one["name"]: one["protocol"] for one in json.loads(listed.out)}
    assert names["sshd"] == "tcp"
    assert names["ttyd"] == "http"

    with forwarded(atoll, session, "ttyd", "sshd") as shown:
        assert shown["ttyd"]["address"].startswith("http://127.0.0.1:")
        pages = {fetch(shown["ttyd"]["address"]) for _ in range(5)}
        assert len(pages) == 1
        assert b"<html" in pages.pop()
        with socket.create_connection(("127.0.0.1", shown["sshd"]["port"]), timeout=20) as peer:
            assert peer.recv(4) == b"SSH-"

    assert greeting(atoll, session) == b"SSH-2.0-"
    missing = atoll("connect", session, "nonesuch")
    assert missing.code == 5
    assert missing.err.count("\n") == 1


def test_a_service_of_the_image(atoll, session):
    """`files` shows what was uploaded, byte for byte."""
    content = os.urandom(900_000)
    (atoll.home / "large.bin").write_bytes(content)
    uploaded = atoll("upload", session, "large.bin")
    assert uploaded.code == 0, uploaded
    with forwarded(atoll, session, "files") as shown:
        assert fetch(shown["files"]["address"], "/large.bin") == content


def test_what_goes_on_after_the_session(atoll, session):
    """The end of the session ends `app`, which says so."""
    with atoll.started("app", session, "ttyd", "-b", "0", "--output", "jsonl") as running:
        running.wait_for("port", "out")
        port = json.loads(running._printed["out"])["port"]
        assert atoll("rm", session).code == 0
        assert atoll("wait", session, "--for", "TERMINATED").code == 0
        peer = socket.create_connection(("127.0.0.1", port), timeout=20)
        with peer, pytest.raises(ConnectionError):
            peer.recv(100)
        assert running.finish().code in {1, 5}
