"""Services of the embedded cluster's sessions, tunnelled to by the official clients."""

import socket
import time
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.interop

DEADLINE = 60
SERVE = (
    "import http.server, threading; "
    "server = http.server.ThreadingHTTPServer(('127.0.0.1', {port}), "
    "http.server.SimpleHTTPRequestHandler); "
    "threading.Thread(target=server.serve_forever).start()"
)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def session(official, client, name, image):
    """Have a session whose own web server listens at a preopened port."""
    inside = free_port()
    started = official(*client.group, "start", "-t", name, "--preopen", str(inside), image)
    if started.code:
        # Between 21.09 and 23.03 the command has another name.
        started = official(*client.group, "create", "-t", name, "--preopen", str(inside), image)
    assert started.code == 0, started
    done = official("run", "-t", name, "-c", SERVE.format(port=inside), image)
    assert done.code == 0, done
    yield name, inside
    official(*client.group, "rm", "--forced", name)


def fetch(address):
    """Get a page, as soon as the tunnel's own end listens."""
    until = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=DEADLINE) as answer:  # noqa: S310 - ours
                return answer.read().decode()
        except (ConnectionError, urllib.error.URLError):
            assert time.monotonic() < until


def test_apps_are_listed(official, client, session):
    name, inside = session
    listed = official("apps", name)
    assert listed.code == 0, listed
    for app in ("sshd", str(inside)):
        assert app in listed.out + listed.err


def test_a_preopened_port_answers_through_app(official, client, session, port):
    name, inside = session
    with official.started("app", name, str(inside), "-b", f"127.0.0.1:{port}") as running:
        assert "id_container" in fetch(f"http://127.0.0.1:{port}/")
        running.interrupt()
