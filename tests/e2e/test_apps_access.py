"""Who gets through what `app` and `proxy` open: programs of accounts, pages, names of the machine.

The accounts are real ones, which only root can be.
"""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.slow
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several accounts")

OTHER = 54321
ASK = """
import os, socket, sys
host, port = sys.argv[1:]
os.setgroups([])
os.setgid(54321)
os.setuid(54321)
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
s.connect((host, int(port)))
try:
    s.sendall(b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
    print(s.recv(100).decode() or "nothing")
except OSError as error:
    print(type(error).__name__)
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


WEB = free_port()
"""Sessions share the machine's network, so each run takes a port that is free."""
SERVICE = f"""
import subprocess, sys
program = '''
import http.server
class Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"hello " + self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", {WEB}), Hello)
print("ready", flush=True)
server.serve_forever()
'''
service = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
print(service.stdout.readline().decode())
"""


@pytest.fixture(scope="module")
def session(shared):
    """A session with a web service of its user's."""
    assert shared.run("start", "-t", "guarded", "--preopen", str(WEB), "python").returncode == 0
    ran = shared.run("run", "-q", "-t", "guarded", "-c", SERVICE, "python")
    assert "ready" in ran.stdout, ran
    return "guarded"


@contextmanager
def running(shared, *words):
    """Have a command serve until the block ends; gives what it shows, and what it says by then."""
    with shared.start(*words, "--output", "jsonl") as process:
        row, told = json.loads(process.stdout.readline()), []
        try:
            yield row, told
        finally:
            process.send_signal(signal.SIGINT)
            told += process.communicate(timeout=60)[1].splitlines()


def ask_as_another(host, port):
    """Return what a program of another account gets."""
    command = [sys.executable, "-c", ASK, host, str(port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def fetch(port, path="/", **headers):
    """Return status and text of an answer."""
    address = f"http://127.0.0.1:{port}{path}"
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(address, headers=fields)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310  # of ours
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@needs_root
def test_another_account(shared, session):
    with running(shared, "app", session, str(WEB), "-b", "0") as (row, told):
        for host in ("127.0.0.1", "::1", "127.0.0.1"):
            assert ask_as_another(host, row["port"]) == "ConnectionResetError"
        assert fetch(row["port"], "/mine") == (200, "hello /mine")
    refused = f"atoll: {WEB}: a connection of another account, with user id {OTHER}, was refused"
    assert [line for line in told if "refused" in line] == [f"{refused}; --share lets others in"]


@needs_root
def test_another_account_that_may(shared, session):
    with running(shared, "app", session, str(WEB), "-b", "0", "--share") as (row, told):
        assert ask_as_another("127.0.0.1", row["port"]).startswith("HTTP/1.1 200 ")
    assert any("every account of this machine gets into" in line for line in told)


@needs_root
@pytest.mark.parametrize("words", [[], ["--force"]])
def test_another_account_at_the_proxy(shared, words):
    with running(shared, "proxy", "-p", str(free_port()), *words) as (row, _):
        port = row["address"].rpartition(":")[2]
        expected = "HTTP/1.1 200" if words else "ConnectionResetError"
        assert ask_as_another("127.0.0.1", port).startswith(expected)
        assert fetch(port)[0] == 200


@needs_root
def test_another_account_at_the_port_of_ssh(shared, session):
    """The port that is open while `ssh` runs."""
    names = shared.run("apps", "-l", session, "--output", "plain").stdout.split()
    if "sshd" not in names:
        pytest.skip("sshd is not installed on this machine")
    port = free_port()
    command = [shared.program(), "ssh", session, "-p", str(port), "echo begun; cat"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=shared.environ(), **streams) as ssh:
        assert ssh.stdout.readline() == "begun\n"
        assert ask_as_another("127.0.0.1", port) == "ConnectionResetError"
        _, told = ssh.communicate("", timeout=60)
    assert f"user id {OTHER}, was refused" in told


def test_names_and_pages(shared, session):
    """A port of the user's own, as a rebinding page and one of another site would use it."""
    with running(shared, "app", session, str(WEB), "-b", "0") as (row, _):
        port = row["port"]
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
            assert fetch(port, Host=host)[0] == 200
        for host in ("evil.example", f"evil.example:{port}", "0.0.0.0", "localhost@evil.example"):  # noqa: S104  # only asked for
            status, text = fetch(port, Host=host)
            assert (status, "--allow-host" in text) == (403, True)
        assert fetch(port, Origin=f"http://127.0.0.1:{port}")[0] == 200
        for origin in ("http://evil.example", "http://localhost:18681", "null"):
            assert fetch(port, Origin=origin)[0] == 403

        kept = HTTPConnection("127.0.0.1", port, timeout=60)
        for host, status in (("localhost", 200), ("localhost", 200), ("evil.example", 403)):
            kept.request("GET", "/", headers={"Host": host})
            answer = kept.getresponse()
            assert (answer.status, bool(answer.read())) == (status, True)


def test_names_and_pages_that_may(shared, session):
    allowed = ["--allow-host", "lab.example.com", "--allow-origin", "http://localhost:3000"]
    with running(shared, "app", session, str(WEB), "-b", "0", *allowed) as (row, _):
        assert fetch(row["port"], Host="lab.example.com")[0] == 200
        assert fetch(row["port"], Origin="http://localhost:3000")[0] == 200
        assert fetch(row["port"], Host="other.example.com")[0] == 403
        assert fetch(row["port"], Origin="http://localhost:3001")[0] == 403


def test_a_web_terminal_is_for_its_own_page(shared, session):
    names = shared.run("apps", "-l", session, "--output", "plain").stdout.split()
    if "ttyd" not in names:
        pytest.skip("ttyd is not installed on this machine")
    with running(shared, "app", session, "ttyd", "-b", "0") as (row, _):
        url, port = f"ws://localhost:{row['port']}/ws", row["port"]
        own = {"origin": f"http://localhost:{port}", "subprotocols": ["tty"]}
        with connect(url, **own) as terminal:
            terminal.send(json.dumps({"AuthToken": "", "columns": 80, "rows": 24}))
            assert terminal.recv(timeout=60)
        for host, origin in (
            ("localhost", "http://evil.example"),
            ("localhost", f"http://localhost:{port + 1}"),
            ("evil.example", f"http://evil.example:{port}"),
        ):
            with socket.create_connection(("127.0.0.1", port)) as peer:
                url = f"ws://{host}:{port}/ws"
                with pytest.raises(InvalidStatus, match="403"):
                    connect(url, sock=peer, origin=origin, subprotocols=["tty"])


def test_a_token_on_top(shared, session):
    words = ["app", session, str(WEB), "-p", "http", "-b", "0", "--token"]
    with running(shared, *words) as (row, _):
        assert fetch(row["port"])[0] == 401
        secret = row["address"].partition("/?token=")[2]
        assert len(secret) >= 32
        status, text = fetch(row["port"], "/", Cookie=f"atoll-{row['port']}={secret}")
        assert (status, text) == (200, "hello /")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(row["address"].replace("/?", "/deep?a=1&"), timeout=60) as answer:
            assert answer.read() == b"hello /deep?a=1"


def test_no_port_at_all(shared, session, tmp_path):
    path = tmp_path / "sock"
    with running(shared, "app", session, str(WEB), "-b", f"unix:{path}") as (row, _):
        assert row == {"app": str(WEB), "address": f"unix:{path}", "port": None}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            peer.sendall(b"GET /here HTTP/1.0\r\nHost: localhost\r\n\r\n")
            said = b""
            while some := peer.recv(1000):
                said += some
        assert said.endswith(b"hello /here")
    assert not path.exists()


def test_the_proxy_without_a_port(shared, tmp_path):
    path = tmp_path / "sock"
    with running(shared, "proxy", "--bind", f"unix:{path}") as (row, _):
        assert row["address"] == f"unix:{path}"
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            peer.sendall(
                b"GET /auth?echo=me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            said = b""
            while some := peer.recv(1000):
                said += some
        assert b'"echo": "me"' in said or b'"echo":"me"' in said
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["-b", "0.0.0.0:0"], 2, "other machines reach 0.0.0.0:0 (--share lets them in)"),
        (["-b", "192.0.2.1:80"], 2, "--share lets them in"),
        (["-b", "[::]:0"], 2, "--share lets them in"),
        (["--token"], 2, "--token works only for web services"),
        (["--allow-origin", "evil"], 2, "'evil' is not an origin"),
        (["--allow-origin", "*"], 2, "'*' is not an origin"),
        (["--allow-host", "http://a"], 2, "'http://a' is not a host name"),
        (["-b", "unix:/no/such/folder/sock"], 1, "no such file or directory"),
        (["-b", "unix:/etc/passwd"], 1, "unix:/etc/passwd is in use already"),
        (["-b", "unix:"], 2, "not of the form"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(shared, session, words, code, told):
    result = shared.run("app", session, str(WEB), *words)
    assert (result.returncode, result.stdout) == (code, "")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_where_other_machines_reach_it_is_shared_or_not_at_all(shared, session):
    words = ["app", session, str(WEB), "-b", "0.0.0.0:0", "--share"]
    with running(shared, *words) as (row, told):
        assert fetch(row["port"])[0] == 200
        assert fetch(row["port"], Host="evil.example")[0] == 403
    assert any("everyone who can connect gets into" in line for line in told)
