"""Services of a session at local ports: a web server that a user has started in it."""

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.slow


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


# Sessions share the machine's network, so each run takes ports that are free.
WEB, COUNT, NOBODY = (str(free_port()) for _ in range(3))

SERVICES = f"""
import http.server, socketserver, subprocess, sys
program = '''
import http.server, socketserver, sys, threading
class Count(socketserver.StreamRequestHandler):
    "Tells how much came, once all of it has."
    def handle(self):
        self.wfile.write(b"%d bytes" % len(self.rfile.read()))
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from the session at " + self.path.encode())
    def log_message(self, *args): pass
for port, handler in (({WEB}, Hello), ({COUNT}, Count)):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
'''
service = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
print(service.stdout.readline().decode())
"""


@pytest.fixture(scope="module")
def session(shared):
    """A session with two services of its user's, and a port where nobody listens."""
    name = "apps-of-mine"
    preopen = ["--preopen", f"{WEB},{COUNT},{NOBODY}"]
    assert shared.run("start", "-t", name, *preopen, "python").returncode == 0
    ran = shared.run("run", "-q", "-t", name, "-c", SERVICES, "python")
    assert "ready" in ran.stdout, ran
    return name


@contextmanager
def running(shared, *words):
    """Run `app` until the block ends; gives the process."""
    with shared.start("app", *words) as process:
        try:
            yield process
        finally:
            process.kill()


def rows(process, count=1):
    """Read the addresses that `app --output jsonl` shows."""
    return [json.loads(process.stdout.readline()) for _ in range(count)]


def fetch(address, path="/"):
    with urllib.request.urlopen(f"{address}{path}", timeout=60) as answer:  # noqa: S310  # of ours
        return answer.read().decode()


def test_the_services_are_listed(shared, session):
    listed = json.loads(shared.run("apps", session, "--output", "json").stdout)
    mine = {one["name"]: one for one in listed if one["protocol"] == "preopen"}
    assert set(mine) == {WEB, COUNT, NOBODY}
    assert mine[WEB]["ports"] == [int(WEB)]
    assert COUNT in shared.run("apps", "-l", session, "--output", "plain").stdout.split()
    assert shared.run("apps", session, "nonesuch").returncode == 5


def test_services_are_completed(shared, session):
    """Those of any session, with the sessions that have them."""
    offered = shared.run("completion", "answer", "--line", f"atoll app {session} {WEB}")
    assert offered.stdout == f"{WEB}\tof {session}\n"


def test_a_port_that_is_free(shared, session):
    """The address is said once the service answers, and Ctrl-C ends it in order."""
    with running(shared, session, WEB, "-b", "0", "-p", "http", "--output", "jsonl") as app:
        [row] = rows(app)
        assert row == {
            "app": WEB,
            "address": f"http://127.0.0.1:{row['port']}",
            "port": row["port"],
        }
        assert fetch(row["address"], "/there") == "hello from the session at /there"
        app.send_signal(signal.SIGINT)
        assert app.wait(timeout=60) == 0
        assert app.stderr.read() == "Ctrl-C closes it\n"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", row["port"])).close()


def test_the_lines_of_the_document(shared, session):
    """`app -b 9900 mysession jupyter`, then `http://localhost:9900`; and the other order."""
    for words in (["-b", "{}", session, WEB], [session, WEB, "-b", "{}"]):
        port = free_port()
        with running(shared, *(word.format(port) for word in words)) as app:
            table = [app.stdout.readline() for _ in range(3)]
            assert f"127.0.0.1:{port}" in table[-1]
            assert fetch(f"http://localhost:{port}").startswith("hello")


def test_several_apps_in_one_line(shared, session):
    first, second = free_port(), free_port()
    binds = ["-b", str(first), "-b", f"127.0.0.1:{second}"]
    with running(shared, session, WEB, COUNT, *binds, "--output", "jsonl") as app:
        assert {row["app"]: row["port"] for row in rows(app, 2)} == {WEB: first, COUNT: second}
        assert fetch(f"http://127.0.0.1:{first}").startswith("hello")
        with socket.create_connection(("127.0.0.1", second), timeout=60) as peer:
            peer.sendall(bytes(1_000_000))
            peer.shutdown(socket.SHUT_WR)
            assert peer.recv(100) == b"1000000 bytes"


def test_nobody_listens_yet(shared, session):
    with running(shared, session, NOBODY, "-b", "0", "--output", "jsonl") as app:
        [row] = rows(app)
        assert (
            f"{NOBODY}: no program listens at its port in the session yet" in app.stderr.readline()
        )
        with socket.create_connection(("127.0.0.1", row["port"]), timeout=60) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                assert not peer.recv(100)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["apps-of-mine", "nonesuch"], 5, "has no service 'nonesuch' (it has "),
        (["nobody-s-own", WEB], 5, "no session has the name or id 'nobody-s-own'"),
        (["apps-of-mine", WEB, "-b", "far"], 2, "'far' is not of the form [HOST:]PORT"),
        (["apps-of-mine", WEB, "-b", "1", "-b", "2"], 2, "more --bind than apps"),
        (["apps-of-mine", WEB, "-e", "x"], 2, "--env x: not of the form KEY=VALUE"),
        (["apps-of-mine", WEB, "--arg", '"'], 2, "--arg"),
        (["apps-of-mine", "ttyd", "--arg", "--nope 1"], 1, "arguments: unknown --nope"),
        (["apps-of-mine", "1", "-p", "preopen"], 5, "this session has no service '1'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(shared, session, words, code, told):
    result = shared.run("app", *words)
    assert (result.returncode, result.stdout) == (code, "")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_port_that_is_taken(shared, session):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = shared.run("app", session, WEB, "-b", str(port))
    assert result.returncode == 1
    assert result.stderr == (
        f"atoll: 127.0.0.1:{port} is in use already (port 0 is any that is free)\n"
    )


def test_in_the_background_of_a_script(shared, session):
    """`app … &` is a job; the lines after it use what it opens."""
    port = free_port()
    process = subprocess.Popen(
        [shared.program(), "--output", "jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=shared.environ(),
    )
    with process:
        process.stdin.write(f"app {session} {WEB} -b {port} &\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["port"] == port
        assert fetch(f"http://127.0.0.1:{port}").startswith("hello")
        process.stdin.write("jobs\nkill %1\n")
        process.stdin.close()
        assert json.loads(process.stdout.readline())["state"] == "running"
        process.wait(timeout=60)
        assert "kill %N closes it" in process.stderr.read()


def test_a_tunnel_as_a_command(shared, session):
    """What `connect` is given goes in, what the service says after its end comes out."""
    result = shared.run("connect", session, COUNT, stdin="x" * 300_000)
    assert (result.returncode, result.stdout) == (0, "300000 bytes")
    refused = shared.run("connect", session, NOBODY)
    assert refused.returncode == 1
    assert f"nothing listens at {NOBODY}" in refused.stderr
    assert shared.run("connect", session, "nonesuch").returncode == 5


@pytest.fixture
def proxy(shared):
    """The address of a `proxy`, which ends by Ctrl-C."""
    port = free_port()
    with shared.start("proxy", "-p", str(port), "--output", "jsonl") as process:
        try:
            address = json.loads(process.stdout.readline())["address"]
            assert address == f"http://localhost:{port}"
            yield address
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def test_the_api_without_keys(proxy, session):
    """`proxy` signs what comes; pages of other sites are refused."""
    assert json.loads(fetch(proxy, "/auth?echo=a+b"))["echo"] == "a b"
    assert "network_timeout" in fetch(proxy, f"/session/{session}")
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        evil = urllib.request.Request(proxy, headers=headers)  # noqa: S310  # of ours
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(evil, timeout=60)  # noqa: S310  # as above


def test_files_of_folders_without_keys(shared, proxy, tmp_path):
    """The address of a download leads back to the proxy: the cluster's may be another machine's."""
    (tmp_path / "note").write_text("hello")
    upload = ["vfolder", "upload", "proxied", "--base-dir", str(tmp_path), str(tmp_path / "note")]
    for words in (["vfolder", "create", "proxied"], upload):
        assert shared.run(*words).returncode == 0
    asked = f"{proxy}/folders/proxied/request-download"
    body = json.dumps({"file": "note"}).encode()
    ask = urllib.request.Request(  # noqa: S310  # of ours
        asked, body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(ask, timeout=60) as answer:  # noqa: S310  # of ours
        granted = json.load(answer)
    assert granted["url"].startswith(f"{proxy}/")
    assert fetch(granted["url"], f"?token={granted['token']}") == "hello"


def test_streams_of_the_api_without_keys(shared, proxy, session):
    """Websockets and server-sent events pass as they come."""
    endpoint = proxy.replace("http:", "ws:")
    with connect(f"{endpoint}/stream/session/{session}/execute", proxy=None) as websocket:
        websocket.send(json.dumps({"mode": "query", "code": "print(40 + 2)"}))
        results = [json.loads(message) for message in websocket]
    assert ["stdout", "42\n"] in [part for one in results for part in one.get("console") or ()]

    events = f"{proxy}/events/session?sessionName={session}-b"
    with urllib.request.urlopen(events, timeout=60) as stream:  # noqa: S310  # of ours
        assert shared.run("start", "-t", f"{session}-b", "bash").returncode == 0
        seen = next(line for line in stream if line.startswith(b"event:"))
        assert shared.run("rm", f"{session}-b").returncode == 0
    assert seen.startswith(b"event: session_")


def test_the_api_is_not_served_to_others_unasked(shared):
    refused = shared.run("proxy", "--bind", "192.0.2.1")
    assert refused.returncode == 2
    assert "could act with your keys (--force allows it)" in refused.stderr


@pytest.mark.needs("sshd")
def test_the_way_to_a_session_is_measured(shared, session):
    result = shared.run("speedtest", session, "--size", "2", "--output", "json")
    assert result.returncode == 0, result
    measured = json.loads(result.stdout)
    assert measured.pop("session") == session
    assert len(measured) == 4
    assert min(measured.values()) > 0
