"""Ten thousand requests that are nearly right, or nothing of the kind, as nobody, user and admin.

`ATOLL_FUZZ_SEED` chooses others. Each answer must come within a second and be no 500, the log must
hold no traceback, and the program must go on, whatever becomes of what it keeps.
"""

import contextlib
import http.client
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from attrs import define, field, frozen

from atoll_cluster.api.request.signing import SignedRequest, sign
from atoll_cluster.scheduler.machine import AGENT

SEED = os.environ.get("ATOLL_FUZZ_SEED", "atoll")
COUNT = int(os.environ.get("ATOLL_FUZZ_COUNT", "10000"))
CONNECTIONS = 4
VERSION = "v7.20230615"
PATIENCE = 60.0
SLOW = 1.0
LEAVES = 0.2
WAITS = frozenset(
    {
        ("POST", "/session"),
        ("POST", "/session/_/create"),
        ("POST", "/session/_/create-from-template"),
        ("POST", "/session/{s}"),
        ("PATCH", "/session/{s}"),
        ("DELETE", "/session/{s}"),
        ("GET", "/events/session"),
        ("GET", "/events/background-task"),
    }
)
"""What is answered when something has happened; the client leaves before."""
VICTIM = "victim@example.com"
TEMPLATE = json.dumps(
    {
        "apiVersion": "6",
        "kind": "taskTemplate",
        "metadata": {"name": "spare"},
        "spec": {"kernel": {"image": "python"}, "resources": {"cpu": "1", "mem": "256m"}},
    }
)
KNOWN = {
    "name": ("target", "spare", "data", "default", VICTIM),
    "s": ("target", "target", "spare"),
    "f": ("data", "data", "spare"),
    "image": ("python",),
    "lang": ("python",),
    "group": ("default",),
    "domain": ("default",),
    "email": (VICTIM,),
    "emails": ([VICTIM], VICTIM),
    "username": (VICTIM,),
    "mode": ("query", "batch", "continue", "input", "complete"),
    "code": ("1+1", ""),
    "type": ("interactive", "keypair", "batch"),
    "app": ("sshd", "ttyd", "jupyter"),
    "path": ("file", "folder", "", "a/b"),
    "file": ("file", "."),
    "files": (["file"], ["."], ["folder"]),
    "size": (1, 0),
    "src": ("file",),
    "dst": ("moved",),
    "target_path": ("file",),
    "new_name": ("moved",),
    "mounts": (["data"],),
    "resources": ({"cpu": 1, "mem": "256m"},),
    "enqueueOnly": (True,),
    "payload": (TEMPLATE,),
    "status": ("running", "RUNNING", "active"),
    "severity": ("error",),
    "source": ("client",),
    "message": ("a",),
    "context_lang": ("python",),
    "month": ("202601",),
    "start_date": ("20260101",),
    "end_date": ("20260131",),
    "filter": ('name == "target"', 'status == "RUNNING"', 'created_at > "2026-01-01"'),
    "order": ("-created_at", "name", "id"),
    "limit": (0, 1, 10, 100),
    "offset": (0, 1, 1000),
    "permission": ("ro", "rw", "644"),
    "key": ("a/b", "manager"),
    "value": ("x", {"a": "b"}),
    "domain_name": ("default",),
    "resource_policy": ("default",),
    "agent_id": (AGENT,),
    "agents": ([AGENT],),
    "args": ([AGENT],),
    "op": ("include-agents",),
    "event": ("schedule",),
    "old_password": ("", "new"),
    "new_password": ("new",),
    "new_password2": ("new",),
    "current_password": ("secret",),
    "password": ("secret",),
    "user_email": (VICTIM,),
    "group_name": ("default",),
    "cloneable": (True,),
    "service_name": ("sshd",),
    "data": ("a",),
    "script": ("true",),
    "echo": ("a",),
    "permissions": ("ro",),
    "max_wait_seconds": (0,),
}
NEVER = {
    # The folders of the machine that runs this are not for the cluster to change.
    "unmanaged_path": ("/nonexistent", "relative", "\0", "/" + "x" * 5000, 5, None),
    "unmanagedPath": ("/nonexistent", "/" + "y/" * 3000, [], {}),
    "callback_url": ("http://127.0.0.1:9/", "ftp://a", 5, "\0"),
    "callbackUrl": ("http://127.0.0.1:9/", "x"),
    "callbackURL": ("http://127.0.0.1:9/", None),
}


@frozen
class Answer:
    """What came of a request; status 0 is a connection that was closed."""

    request: object
    status: int
    seconds: float
    body: bytes


@define
class Connection:
    """A connection that is opened again when the cluster, or the request, has ended it."""

    address: tuple[str, int]
    keys: dict[str, tuple[str, str]]
    _socket: socket.socket | None = None

    def ask(self, request, who, auth=None) -> Answer:
        """Send a request as somebody and read the answer, as far as it comes."""
        begun = time.monotonic()
        waits = (request.method, request.route) in WAITS
        try:
            opened = self._open(LEAVES if waits else PATIENCE)
            opened.sendall(self._bytes(request, who, auth))
            found = http.client.HTTPResponse(opened, method=request.method)
            found.begin()
            endless = found.getheader("content-type", "").startswith("text/event-stream")
            body = b"" if endless else found.read()
            answer = Answer(request, found.status, time.monotonic() - begun, body)
            if endless or found.will_close:
                self.close()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if isinstance(error, TimeoutError) and not waits:
                return Answer(request, 0, PATIENCE, b"no answer")
            return Answer(request, 0, 0.0, b"")
        else:
            return answer

    def speak(self, content: bytes) -> None:
        """Send bytes of any kind over a connection of their own."""
        with contextlib.suppress(OSError), socket.create_connection(self.address, PATIENCE) as one:
            one.settimeout(LEAVES)
            one.sendall(content)
            one.shutdown(socket.SHUT_WR)
            one.recv(65536)

    def converse(self, request, who, frames: bytes) -> None:
        """Open a websocket, say something, and leave."""
        self.speak(self._bytes(request, who, None) + frames)

    def _open(self, patience: float) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self.address, PATIENCE)
        self._socket.settimeout(patience)
        return self._socket

    def close(self) -> None:
        """End it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _bytes(self, request, who, auth) -> bytes:
        host = f"{self.address[0]}:{self.address[1]}"
        lines = [f"{request.method} {request.target} HTTP/1.1".encode(), f"Host: {host}".encode()]
        lines += [name.encode() + b": " + value for name, value in request.headers]
        if request.content_type:
            lines.append(b"Content-Type: " + request.content_type.encode("latin-1"))
        if request.is_socket:
            lines += [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"]
            lines += [b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
        else:
            lines.append(b"Content-Length: %d" % len(request.body))
        lines += auth if auth is not None else self._signature(request, who, host)
        return b"\r\n".join([*lines, b"", b""]) + request.body

    def _signature(self, request, who, host) -> list[bytes]:
        if who not in self.keys:
            return []
        access_key, secret_key = self.keys[who]
        date = datetime.now(UTC).isoformat()
        signed = SignedRequest(
            method=request.method,
            target=request.target,
            host=host,
            date=date,
            content_type=request.content_type,
            version=VERSION,
        )
        return [
            f"Date: {date}".encode(),
            f"X-BackendAI-Version: {VERSION}".encode(),
            b"Authorization: BackendAI signMethod=HMAC-SHA256, "
            + f"credential={access_key}:{sign(signed, secret_key)}".encode(),
        ]


BAD_AUTHS = [
    [b"Date: Mon, 01 Jan 99999999999 00:00:00 GMT", b"Authorization: x"],
    [b"Date: \xff", b"Authorization: BackendAI signMethod=HMAC-SHA256, credential=\xff:\xfe"],
    [b"Authorization: BackendAI signMethod=HMAC-SHAKE_256, credential=a:b"],
    [b"Date: 2026-01-01T00:00:00+99:99"],
    [b"X-BackendAI-Version: v99"],
    [b"Date: 0001-01-01T00:00:00+23:59", b"Authorization: BackendAI"],
]


@define
class Worker:
    """Sends its share of the requests, one after the other."""

    number: int
    grammar: object
    connection: Connection
    answers: list[Answer] = field(factory=list)
    error: BaseException | None = None

    def run(self, restore) -> None:
        """Send them all."""
        try:
            for number in range(COUNT // CONNECTIONS):
                if self.number == 0 and number % 50 == 0:
                    restore()
                self._send()
        except BaseException as error:  # noqa: BLE001 - it is raised where the threads are joined
            self.error = error
        finally:
            self.connection.close()

    def _send(self) -> None:
        chance = self.grammar.random
        if chance.randrange(30) == 0:
            self.connection.speak(self.grammar.garbage())
            return
        request, who = self.grammar.request(), chance.choice(["nobody", "user", "admin", "admin"])
        if request.is_socket:
            self.connection.converse(request, who, self.grammar.frames())
            return
        auth = chance.choice(BAD_AUTHS) if chance.randrange(25) == 0 else None
        answer = self.connection.ask(request, who, auth)
        self.answers.append(answer)
        if answer.status in {200, 201}:
            self.grammar.learn(answer.body)


def restore_with(client, user):
    """Return what brings back what requests have ended, so that the later ones find something."""

    def restore():
        client.ask("PUT", "/manager/status", json={"status": "running"})
        client.gql('mutation { modify_domain(name: "default", props: {is_active: true}) { ok } }')
        client.gql("mutation { rescan_images(registry: null) { ok } }")
        for who in (client, user):
            for name in ("target", "spare"):
                size = {"resources": {"cpu": 1, "mem": "256m"}}
                body = {"name": name, "image": "python", "enqueueOnly": True, "config": size}
                who.ask("POST", "/session", json=body)
            who.ask("POST", "/folders", json={"name": "data"})
            who.ask("POST", "/folders/data/mkdir", json={"path": "folder", "exist_ok": True})
            asked = {"path": "file", "size": 1}
            leave = who.ask("POST", "/folders/data/request-upload", json=asked).json()
            if "url" in leave:
                url = f"{leave['url']}?token={leave['token']}"
                who.http.patch(url, content=b"x", headers={"Upload-Offset": "0"})

    return restore


def kept_outside(folder):
    """Return what lies beside the cluster's data, to be compared."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "data" not in path.relative_to(folder).parts[:1]
    }


def faults(log):
    """Return the tracebacks in a log by their last lines, those alike once."""
    found, lines = {}, []
    for line in [*log, "end"]:
        if line.startswith(" "):
            lines.append(line)
        elif lines:
            found[lines[-1]] = "".join(lines)
            lines.clear()
    return found


def seconds_alone(connection, answer) -> float:
    """Return how long a request takes that was slow, at best of three and with nobody beside it."""
    return min(connection.ask(answer.request, "admin").seconds for _ in range(3))


@pytest.mark.slow
def test_ten_thousand_requests(program, http, tmp_path, make_grammar, routes, monkeypatch):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("untouched")
    monkeypatch.setenv("HOME", str(outside))
    before = kept_outside(tmp_path)
    program.arguments = ("--slots", "cpu=4,mem=2g")
    client, user = program.start().client(http), program.client(http, "user")
    props = {"domain_name": "default", "password": "secret", "username": VICTIM}
    client.gql(
        "mutation($email: String!, $props: UserInput!)"
        "{ create_user(email: $email, props: $props) { ok } }",
        email=VICTIM,
        props={**props, "need_password_change": False},
    )
    client.create("target", config={"resources": {"cpu": 1, "mem": "256m"}})
    url = urlsplit(program.endpoint)
    keys = {
        who: (one.access_key, one.secret_key) for who, one in (("admin", client), ("user", user))
    }
    workers = [
        Worker(
            number,
            make_grammar(random.Random(f"{SEED}-{number}"), KNOWN, NEVER),
            Connection((url.hostname, url.port), keys),
        )
        for number in range(CONNECTIONS)
    ]
    restore = restore_with(client, user)
    threads = [threading.Thread(target=worker.run, args=(restore,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [worker.error for worker in workers] == [None] * CONNECTIONS
    answers = [answer for worker in workers for answer in worker.answers]
    assert faults(program.log) == {}
    assert program.process.poll() is None
    failed = [answer for answer in answers if answer.status in {500, 502, 504}]
    assert not failed, (len(failed), failed[0])
    statuses = Counter(answer.status for answer in answers)
    assert statuses[200] > COUNT // 50, statuses
    assert {answer.request.route for answer in answers} >= {
        one for one in routes if "stream" not in one
    }
    alone = Connection((url.hostname, url.port), keys)
    slow = [answer for answer in answers if answer.seconds > SLOW]
    still = [answer for answer in slow if seconds_alone(alone, answer) > SLOW]
    alone.close()
    assert not still, (len(still), still[0])
    assert client.ask("GET", "/auth").status_code == 200
    assert program.end() == 0
    assert kept_outside(tmp_path) == before
