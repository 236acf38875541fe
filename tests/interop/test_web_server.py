"""Users without a keypair, who log in through the web server of Backend.AI 23.09.

It stands in front of the embedded cluster and of the real one. The official client does the same
beside ours.
"""

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pexpect
import pytest
from attrs import evolve, frozen
from tests.interop.web_server import forget_login, redis_server, web_server
from tests.interop.work_user import MAKE_USER
from tests.programs import Program

pytestmark = [pytest.mark.interop, pytest.mark.needs("redis-server")]
PASSWORD = f"pw-{uuid4().hex}"
ATOLL = Path(sys.executable).parent / "atoll"

SAYS_FAREWELL = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 8000))
def serve():
    connection, _ = listener.accept()
    connection.sendall(b"farewell")
    connection.close()
threading.Thread(target=serve, daemon=True).start()
"""


@frozen
class Web:
    """A web server, its Redis, the cluster behind, and a superadmin who has a password."""

    url: str
    redis: int
    behind: object
    user: str

    @property
    def environ(self):
        """The variables by which every client finds it."""
        return {"BACKEND_ENDPOINT": self.url, "BACKEND_ENDPOINT_TYPE": "session"}

    @property
    def answers(self):
        """What a login asks for."""
        return f"{self.user}\n{PASSWORD}\n"

    def atoll(self, home):
        """Return the shell of somebody who finds it by the environment."""
        return Program([str(ATOLL)], home, self.environ)


@pytest.fixture(scope="module")
def start(web_server_python, tmp_path_factory):
    """Return a context manager that runs a web server in front of an endpoint."""

    def make_program(command, home):
        return Program(command, home, {})

    @contextmanager
    def running(endpoint):
        folder = tmp_path_factory.mktemp("web")
        with (
            redis_server(make_program, folder) as redis,
            web_server(make_program, folder, web_server_python, endpoint, redis) as url,
        ):
            yield url, redis

    return running


@pytest.fixture(scope="module")
def administrator(cluster, tmp_path_factory):
    """The shell with the keypair of the cluster's administrator."""
    return Program([str(ATOLL)], tmp_path_factory.mktemp("admin"), cluster.environ)


@pytest.fixture(scope="module")
def web(cluster, start, administrator):
    """The web server in front of each cluster in its turn."""
    user = f"it-{uuid4().hex[:8]}@example.org"
    options = ("-u", user, "-r", "superadmin", "-g", "default")
    added = administrator("admin", "users", "add", "default", user, PASSWORD, *options)
    assert added.code == 0, added.err
    with start(cluster.endpoint) as (url, redis):
        yield Web(url, redis, cluster, user)
    purged = administrator("admin", "users", "purge", user, "--yes")
    assert purged.code == 0, purged.err


@pytest.fixture(scope="module")
def shell(web, tmp_path_factory):
    """The shell of that user, logged in for good."""
    atoll = web.atoll(tmp_path_factory.mktemp("home"))
    done = atoll("login", stdin=web.answers)
    assert done.code == 0, done.err
    return atoll


@pytest.fixture(scope="module")
def session(shell):
    """A session of that user."""
    name = f"it-{uuid4().hex[:10]}"
    try:
        started = shell("start", "-t", name, "python:3.11-debian12")
        assert started.code == 0, started.err
        yield name
    finally:
        shell("rm", name)


def test_from_login_to_logout(web, tmp_path):
    """Who is logged in is told alike before and after; what is kept is a cookie alone."""
    atoll = web.atoll(tmp_path / "home")
    before = atoll("whoami")
    assert (before.code, before.out) == (4, "")
    assert before.err == f"atoll: nobody is logged in at {web.url} (atoll login)\n"

    assert atoll("login", stdin=web.answers).code == 0
    who = json.loads(atoll("whoami", "--output", "json").out)
    assert (who["email"], who["role"], who["domain_name"]) == (web.user, "superadmin", "default")
    assert who["groups"] == ["default"]
    [kept] = (tmp_path / "home").rglob("login-*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    cookies = json.loads(kept.read_text())["cookies"]
    assert list(cookies) == ["AIOHTTP_SESSION"]

    assert atoll("logout").code == 0
    assert not kept.exists()
    assert atoll("whoami").code == 4
    kept.write_text(json.dumps({"user": web.user, "access_key": "x", "cookies": cookies}))
    kept.chmod(0o600)
    assert "has expired" in atoll("whoami").err


def test_a_wrong_password(web, tmp_path):
    done = web.atoll(tmp_path / "home")("login", stdin=f"{web.user}\nwrong\n")
    assert done.code == 4
    assert done.err.splitlines()[-1] == (
        f"atoll: {web.url} refuses {web.user}: User credential mismatch"
    )


def test_doctor(shell, web):
    done = shell("doctor", "--output", "json")
    found = {one["check"]: one for one in json.loads(done.out)}
    assert done.code == 0, done.out
    assert found["login"]["detail"] == f"{web.user} is logged in"
    assert found["websocket"]["status"] == "ok"
    tested = shell("profile", "test")
    assert f"the login of {web.user} is accepted" in tested.err


def test_code_runs_in_a_session(shell, session):
    """Over a websocket: output as it comes, input, exit codes."""
    run = ("run", "-q", "-t", session)
    done = shell(*run, "-c", "print(input('? '))", "python:3.11-debian12", stdin="typed\n")
    assert (done.out, done.code) == ("? typed\n", 0), done.err
    done = shell(*run, "--exec", "head -1; exit 7", "python:3.11-debian12", stdin="one\ntwo\n")
    assert (done.out, done.code) == ("one\n", 7), done.err
    listed = shell("ps", "-f", "name,status", "--output", "csv")
    assert f"{session},RUNNING" in listed.out
    assert shell("logs", session).out.rstrip().endswith("one")


def test_files_go_to_a_session_and_back(shell, session):
    (shell.home / "sent.bin").write_bytes(bytes(range(256)) * 1000)
    assert shell("upload", session, "sent.bin").code == 0
    assert "sent.bin" in shell("ls", session).out
    assert shell("download", session, "sent.bin", "--dest", "back").code == 0
    assert (shell.home / "back" / "sent.bin").read_bytes() == bytes(range(256)) * 1000


def test_files_go_to_a_folder_and_back(shell):
    """Their bytes pass by the web server, straight to the storage, and without the cookie."""
    folder = f"it-{uuid4().hex[:10]}"
    content = uuid4().bytes * 200_000
    (shell.home / "large.bin").write_bytes(content)
    assert shell("vfolder", "create", folder).code == 0
    try:
        assert shell("vfolder", "upload", folder, "large.bin").code == 0
        assert "large.bin" in shell("vfolder", "ls", folder).out
        (shell.home / "large.bin").unlink()
        assert shell("vfolder", "download", folder, "large.bin").code == 0
        assert (shell.home / "large.bin").read_bytes() == content
    finally:
        assert shell("vfolder", "delete", folder, "--yes").code == 0


@pytest.mark.needs("ssh")
def test_ssh_goes_through_a_tunnel(shell, session):
    shell("run", "-q", "-t", session, "-c", MAKE_USER, "python:3.11-debian12")
    done = shell("ssh", session, "echo hello; exit 5")
    assert (done.out, done.code) == ("hello\n", 5), done.err


def test_why_there_is_no_tunnel(shell, session):
    """The web server tells nothing of that."""
    done = shell("connect", session, "nonsense")
    assert done.code == 5
    assert "has no service 'nonsense'" in done.err
    assert shell("connect", "it-nobody", "sshd").code == 5


def test_administration(shell, web):
    listed = shell("admin", "users", "-f", "email", "--output", "csv")
    assert web.user in listed.out
    assert shell("manager", "status").code == 0


def test_programs_with_keypairs_go_through_the_proxy(shell, web):
    """It shows the login for them."""
    with shell.started("proxy", "-p", "0", "--output", "csv") as running:
        running.wait_for("Ctrl-C stops it", "err")
        address = running.printed().splitlines()[1].partition(",")[0]
        environ = {"BACKEND_ENDPOINT": address, "BACKEND_ENDPOINT_TYPE": "api"}
        other = evolve(shell, home=shell.home / "other", environ=environ)
        keys = {"BACKEND_ACCESS_KEY": "none", "BACKEND_SECRET_KEY": "none"}
        who = other("whoami", "--output", "json", **keys)
        running.interrupt()
        running.finish()
    assert json.loads(who.out)["email"] == web.user


def test_a_login_that_has_run_out(web, tmp_path):
    """Is renewed at a terminal, by the password alone; a script is told, with exit code 4."""
    atoll = web.atoll(tmp_path / "home")
    assert atoll("login", stdin=web.answers).code == 0
    [kept] = atoll.home.rglob("login-*.json")
    forget_login(web.redis, json.loads(kept.read_text())["cookies"]["AIOHTTP_SESSION"])
    script = atoll("ps")
    hint = "(atoll login)"
    assert script.code == 4
    assert script.err == f"atoll: the login of {web.user} at {web.url} has expired {hint}\n"
    environ = {"PATH": "/usr/bin", "HOME": str(atoll.home), "TERM": "dumb", **web.environ}
    terminal = pexpect.spawn(str(ATOLL), ["whoami"], env=environ, timeout=60, encoding="utf-8")
    terminal.expect_exact(f"password of {web.user} at {web.url}: ")
    terminal.sendline(PASSWORD)
    terminal.expect(r"Role\s+superadmin")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert PASSWORD not in terminal.before
    assert atoll("whoami").code == 0


def test_the_official_client_does_the_same(web, shell, session, client_of_23, tmp_path):
    """It logs in, finds the same sessions and runs the same code through the same web server."""
    official = Program([str(client_of_23)], tmp_path / "official", web.environ)
    refused = official("login", stdin=f"{web.user}\nwrong\n")
    assert (refused.code, "User credential mismatch" in refused.err + refused.out) == (1, True)
    assert official("login", stdin=web.answers).code == 0
    theirs = official("--output=json", "session", "list", "-f", "name,status")
    ours = shell("ps", "-f", "name,status", "--output", "json")
    found = {one["name"]: one["status"] for one in json.loads(theirs.out)["items"]}
    assert {one["name"]: one["status"] for one in json.loads(ours.out)} == found
    assert found[session] == "RUNNING"
    ran = official("run", "-q", "-t", session, "python:3.11-debian12", "-c", "print(6 * 7)")
    assert "42" in ran.out
    assert official("logout").code == 0
    assert official("session", "list").code != 0
    assert shell("ps").code == 0  # another login of the same user


def test_how_a_session_ends_is_told_as_it_happens(shell, session):
    """This is the end of it, so it comes last."""
    with shell.started("events", session) as running:
        running.wait_for("watching", "err")
        assert shell("rm", session).code == 0
        done = running.finish()
    assert "session_terminated" in done.out
    assert done.code == 0


def test_a_password_that_has_run_out(start, embedded, make_program, tmp_path):
    """Is changed on the way in. On a real cluster, passwords run out by age."""
    admin = make_program("atoll", embedded)
    user = f"it-{uuid4().hex[:8]}@example.org"
    options = ("-g", "default", "--need-password-change")
    assert admin("admin", "users", "add", "default", user, "old-password", *options).code == 0
    with start(embedded.endpoint) as (url, _):
        environ = {"BACKEND_ENDPOINT": url, "BACKEND_ENDPOINT_TYPE": "session"}
        atoll = Program([str(ATOLL)], tmp_path / "home", environ)
        differ = atoll("login", stdin=f"{user}\nold-password\nnew-one\nnew-two\n")
        done = atoll("login", stdin=f"{user}\nold-password\nnew-password\nnew-password\n")
        who = atoll("whoami", "--output", "json")
        again = atoll("login", stdin=f"{user}\nnew-password\n")
    assert (differ.code, "differ" in differ.err) == (2, True)
    assert "has expired: choose another" in done.err
    assert (done.code, again.code) == (0, 0), done.err
    assert json.loads(who.out)["email"] == user


def test_what_ends_in_a_session_ends_here(start, embedded, make_program, tmp_path):
    """Though the web server keeps it to itself: the embedded cluster says so by messages."""
    admin = make_program("atoll", embedded)
    user = f"it-{uuid4().hex[:8]}@example.org"
    assert admin("admin", "users", "add", "default", user, PASSWORD, "-g", "default").code == 0
    with start(embedded.endpoint) as (url, _):
        environ = {"BACKEND_ENDPOINT": url, "BACKEND_ENDPOINT_TYPE": "session"}
        atoll = Program([str(ATOLL)], tmp_path / "home", environ)
        assert atoll("login", stdin=f"{user}\n{PASSWORD}\n").code == 0
        assert atoll("start", "-t", "ends", "python").code == 0
        assert atoll("start", "-t", "serves", "--preopen", "8000", "python").code == 0
        assert atoll("run", "-q", "-t", "serves", "-c", SAYS_FAREWELL, "python").code == 0
        told = atoll("connect", "serves", "8000")
        place = {"PATH": "/usr/bin", "HOME": str(atoll.home), "TERM": "dumb", **environ}
        terminal = pexpect.spawn(str(ATOLL), ["shell", "ends"], env=place, encoding="utf-8")
        terminal.expect_exact("$ ")
        terminal.sendline("exit")
        terminal.expect(pexpect.EOF)
        terminal.close()
        atoll("rm", "ends", "serves")
    assert (told.out, told.code) == ("farewell", 0), told.err
    assert terminal.exitstatus == 0


class AsksForCode(BaseHTTPRequestHandler):
    """A manager that lets nobody in without a one-time code; that is all it does."""

    def do_POST(self):  # http.server's name
        """`POST /auth/authorize`."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        keys = {"access_key": "AK", "secret_key": "SK", "role": "user", "status": "active"}
        problem = {"type": "https://api.backend.ai/probs/rejected-by-hook", "title": "Rejected."}
        if "otp" not in asked:
            self.reply(400, {**problem, "msg": "OTP not provided"})
        elif asked["otp"] != "123456":
            self.reply(400, {**problem, "msg": "Invalid OTP"})
        else:
            self.reply(200, {"data": keys})

    def do_GET(self):  # as above
        """`GET /`."""
        self.reply(200, {"version": "v7.20230615", "manager": "23.09.10"})

    def reply(self, status, content):
        """Answer with JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        """Say nothing."""


def test_a_one_time_code(start, tmp_path):
    """Is asked for when the manager behind wants one; a wrong one is refused in its words."""
    manager = ThreadingHTTPServer(("127.0.0.1", 0), AsksForCode)
    threading.Thread(target=manager.serve_forever).start()
    try:
        with start(f"http://127.0.0.1:{manager.server_port}") as (url, _):
            environ = {"BACKEND_ENDPOINT": url, "BACKEND_ENDPOINT_TYPE": "session"}
            atoll = Program([str(ATOLL)], tmp_path / "home", environ)
            missing = atoll("login", stdin="ann@lab.org\nsecret\n")
            wrong = atoll("login", stdin="ann@lab.org\nsecret\n654321\n")
            right = atoll("login", stdin="ann@lab.org\nsecret\n123456\n")
    finally:
        manager.shutdown()
        manager.server_close()
    assert (missing.code, "no one-time code was given" in missing.err) == (2, True)
    assert (wrong.code, "refuses ann@lab.org: Invalid OTP" in wrong.err) == (4, True)
    assert (right.code, "ann@lab.org is logged in" in right.err) == (0, True)
