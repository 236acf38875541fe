"""Requests that no client sends: each is refused in one line, and nothing of ours fails by it."""

import json
import socket
from urllib.parse import quote, urlsplit

import pytest
from graphql import GraphQLError
from websockets.sync.client import connect

from atoll_cluster.api.gql.bounds import read_document
from atoll_cluster.api.request.multipart import read_parts
from atoll_cluster.api.request.problems import Problem
from atoll_cluster.api.request.safe_json import JsonError, read_json

JSON = {"Content-Type": "application/json"}
SESSION = {"name": "waiting", "image": "python", "enqueueOnly": True}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
DEEP = b'{"echo": ' * 2000 + b"1" + b"}" * 2000


@pytest.fixture(autouse=True)
def no_fault(request):
    """See that the cluster has met no fault of its own, in those tests that have one."""
    shared = request.getfixturevalue("shared") if "shared" in request.fixturenames else None
    before = len(shared.log) if shared else 0
    yield
    if shared:
        told = "".join(shared.log[before:])
        assert "Traceback" not in told, told
        assert shared.process.poll() is None


@pytest.fixture(scope="module")
def session(shared, http):
    """The name of a session that runs."""
    shared.client(http).create("target")
    return "target"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 2000 + "]" * 2000,
        '{"a":' * 2000 + "1" + "}" * 2000,
        "[" * 100_000,
        "[" * 65 + "]" * 65,
        "9" * 30,
        "-" + "9" * 5000,
        str(2**63),
        "NaN",
        "-Infinity",
        "1e999",
        r'"\ud800"',
        r'{"a": ["\udfff"]}',
        r'{"\uDC00": 1}',
        b"\xff",
        b"\xed\xa0\x80",
        "",
        "{",
        "'a'",
        "01",
    ],
)
def test_json_beyond_the_bounds(text):
    with pytest.raises(JsonError) as caught:
        read_json(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        str(2**63 - 1),
        '"✓"',
        r'"\ud83d\ude00"',
        '"' + "[" * 5000 + '"',
        "[" * 64 + "]" * 64,
        "[" + "[]," * 5000 + "[]]",
        "1e300",
    ],
)
def test_json_within_the_bounds(text):
    assert read_json(text) == json.loads(text)
    assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("method", "path", "public"),
    [
        ("POST", "/auth", False),
        ("GET", "/auth", False),
        ("POST", "/auth/authorize", True),
        ("POST", "/auth/signup", True),
        ("GET", "/", True),
        ("GET", "/config/resource-slots", True),
        ("POST", "/session", False),
        ("POST", "/folders", False),
        ("POST", "/admin/gql", False),
        ("POST", "/session/target", False),
    ],
)
@pytest.mark.parametrize("body", [DEEP, b'{"n": 1e999}', b'{"n": ' + b"9" * 40 + b"}"])
def test_bodies_beyond_the_bounds(client, http, method, path, public, body):
    if public:
        answer = http.request(method, client.endpoint + path, content=body, headers=JSON)
    else:
        answer = client.ask(method, path, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEMS + "invalid-api-params")
    assert "Malformed body" in answer.json()["msg"]


PROBLEMS = "https://api.backend.ai/probs/"


def test_unsigned_requests_may_send_little(client, http):
    answer = http.post(client.endpoint + "/auth/authorize", content=b" " * (65 << 10), headers=JSON)
    assert (answer.status_code, answer.json()["msg"]) == (400, "Too large body")


@pytest.mark.parametrize("name", ["arguments", "envs"])
@pytest.mark.parametrize("text", ["[" * 2000, '{"a":' * 900 + "1" + "}" * 900, "{", "[]", "1e999"])
def test_json_in_the_query(client, session, name, text):
    path = f"/stream/session/{session}/tcpproxy?app=sshd&{name}={quote(text)}"
    headers = client.headers("GET", path, "application/octet-stream")
    answer = client.http.get(client.endpoint + path, headers=headers | UPGRADE)
    if answer.status_code != 414:  # which is for lines of more than 8 KiB
        assert (answer.status_code, answer.json()["type"]) == (400, PROBLEMS + "invalid-api-params")


HANDSHAKE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.mark.parametrize("message", [DEEP.decode(), "[]", "", "\0", b"\xff\xfe", '{"mode": 1e999}'])
@pytest.mark.parametrize(("kind", "word"), [("execute", "status"), ("pty", "type")])
def test_first_messages(client, session, kind, word, message):
    with client.stream(session, kind) as stream:
        stream.send(message)
        for answer in stream:
            if json.loads(answer)[word] == "error":
                return
    pytest.fail("the message was taken")


def test_text_that_is_not_utf8_ends_only_the_stream(client, session):
    with client.stream(session) as stream:
        stream.socket.sendall(b"\x81\x82\0\0\0\0\xff\xfe")
        with pytest.raises(Exception, match="1007"):
            stream.recv(5)
    assert client.ask("GET", "/auth?echo=x").status_code == 200


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +9999",
        "Mon, 01 Jan 2026 00:00:00 +99999999999",
        "Mon, 99 Jan 2026 00:00:00 GMT",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-01-01T00:00:00+99:99",
        "2026-13-01T00:00:00Z",
        "yesterday",
        "x" * 5000,
        "12:34",
        ",,,",
    ],
)
def test_invalid_dates_are_refused(client, date):
    headers = client.headers("GET", "/auth")
    answer = client.http.get(client.endpoint + "/auth", headers=headers | {"Date": date})
    assert (answer.status_code, answer.json()["msg"]) == (401, "Date/time sync error")


@pytest.mark.parametrize(
    "date", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00Z"]
)
def test_dates_of_other_times(client, date):
    headers = client.headers("GET", "/auth")
    answer = client.http.get(client.endpoint + "/auth", headers=headers | {"Date": date})
    assert (answer.status_code, answer.json()["msg"]) == (400, "Date/time sync error")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b'{"a": 1}'),
        (JSON, b"\xff\0"),
        ({"Content-Type": "text/plain"}, b"x"),
        ({"Content-Type": "multipart/form-data"}, b"x"),
        (FORM, b""),
        (FORM, b"x" * 1000),
        (FORM, b"--x\r\nContent-Disposition: form-data"),
        (FORM, b"--x\r\n" * 1000 + b"--x--"),
        ({"Content-Type": "multipart/form-data; boundary=" + "x" * 500}, b"--x--"),
        ({"Content-Type": "multipart/form-data; boundary*=nocode'en'x"}, b"--y--"),
        ({"Content-Type": "multipart/form-data; boundary*" + "9" * 5000 + "*=x"}, b"--x--"),
    ],
)
def test_uploads_without_a_form_are_refused(client, session, headers, body):
    answer = client.ask("POST", f"/session/{session}/upload", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEMS + "invalid-api-params")


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="src"; filename="a%20b"', "a b"),
        ("form-data; filename*=UTF-8''%E2%9C%93", "✓"),
        ("form-data; filename*=nocode''a", None),
        ("form-data; filename*" + "9" * 5000 + "*=a", None),
        ("form-data; filename=", None),
        ("form-data", None),
        ("\xff\0;;;", None),
    ],
)
def test_names_in_forms(disposition, name):
    head = f"Content-Disposition: {disposition}\r\n\r\n".encode()
    parts = read_parts(FORM["Content-Type"], b"--x\r\n" + head + b"1\r\n--x--")
    assert [(part.filename, part.content) for part in parts] == ([(name, b"1")] if name else [])


def test_forms_of_many_parts():
    body = b"--x\r\nContent-Disposition: form-data; filename=a\r\n\r\n\r\n" * 200_000 + b"--x--"
    with pytest.raises(Problem, match="Too many files"):
        read_parts(FORM["Content-Type"], body)


TERMS = " & ".join(['name == "x"'] * 3000)


@pytest.mark.parametrize(
    "text",
    [
        TERMS,
        " | ".join(["name == null & !name == null"] * 60),
        "(" * 3000 + 'name == "x"' + ")" * 3000,
        "!" * 3000 + 'name == "x"',
        "name in [" + ", ".join(['"x"'] * 40_000) + "]",
        "priority == " + "9" * 400,
        f"priority == {2**64}",
        'name == "\\ud800"',
        'name like "' + "%" * 2000 + '"',
        'created_at > "0001-01-01T00:00:00+23:59"',
        "name == " + "x" * 900_000,
    ],
)
@pytest.mark.parametrize("path", ["/admin/gql", "/admin/graphql"])
def test_filters_beyond_the_bounds(client, path, text):
    query = "query($f: String) { compute_session_list(limit: 1, offset: 0, filter: $f) "
    body = {"query": query + "{ items { id } } }", "variables": {"f": text}}
    answer = client.ask("POST", path, json=body)
    found = answer.json()
    errors = found["errors"] if path == "/admin/gql" else found["data"]
    assert answer.status_code == (200 if path == "/admin/gql" else 400)
    assert "fault" not in errors[0]["message"]


@pytest.mark.parametrize(
    "text",
    [
        " | ".join(['name == "x"'] * 200),
        " & ".join(['startup_command ilike "' + "%a" * 100 + '"'] * 100),
        "(" * 45 + 'name == "x"' + ")" * 45,
        "!" * 25 + 'name == "x"',
        " | ".join(["name == null & name == null"] * 12),
        "name in [" + ", ".join(['"x"'] * 1000) + "]",
    ],
)
def test_filters_just_within_the_bounds(client, text):
    query = "query($f: String) { compute_session_list(limit: 1, offset: 0, filter: $f) "
    answer = client.gql(query + "{ total_count } }", f=text)
    assert "errors" not in answer, answer


@pytest.mark.parametrize(
    "payload",
    [
        "[" * 30_000,
        "- a: [x, y]\n" * 5000,
        "[]\n---\n" * 9000,
        "a: &a [x, x]\nb: [" + "*a, " * 10_000 + "]",
        "{" * 900,
        "\0",
        "? " * 20_000,
    ],
)
def test_payloads_without_templates_are_refused(client, payload):
    answer = client.ask("POST", "/template/session", json={"payload": payload})
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEMS + "invalid-api-params")
    assert "\n" not in answer.json()["msg"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/session/target", b'{"mode": "query", "code": [' + b"[]," * 2_000_000 + b"[]]}"),
        ("/session/target", b'{"mode": "query", "code": [' + b'"",' * 2_000_000 + b'""]}'),
        ("/folders/data/mkdir", json.dumps({"path": ["a"] * 6000}).encode()),
        ("/session", json.dumps({**SESSION, "dependencies": ["x"] * 6000}).encode()),
    ],
)
def test_slow_filters_are_interrupted(client, session, path, body):
    client.ask("POST", "/folders", json={"name": "data"})
    answer = client.ask("POST", path, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEMS + "invalid-api-params")


def test_code_may_be_long(client, session):
    turns = client.run(session, "print(len(" + repr("[x]\n" * 1_000_000) + "))")
    assert client.console(turns) == "4000000\n"


@pytest.mark.parametrize(
    "query",
    [
        "period?start_date=00010101&end_date=99991231",
        "period?start_date=99991231&end_date=99991231",
        "month?month=999912",
        "month?month=000013",
        "month?month=²",
        "month?month=" + "1" * 5000,
    ],
)
def test_invalid_days_are_refused(client, query):
    answer = client.ask("GET", f"/resource/usage/{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEMS + "invalid-api-params")


def test_orders_of_many_fields(client):
    order = ",".join(["name"] * 3000)
    query = f'{{ compute_session_list(limit: 1, offset: 0, order: "{order}") {{ total_count }} }}'
    assert "at most" in client.gql(query)["errors"][0]["message"]


SPREADS = " ".join(
    f"fragment f{number} on Query {{ __typename ...f{number + 1} ...f{number + 1} }}"
    for number in range(40)
)
CHAIN = " ".join(f"fragment f{number} on Query {{ ...f{number + 1} }}" for number in range(500))


@pytest.mark.parametrize(
    "query",
    [
        "{" * 3000,
        "{a" * 1500 + "}" * 1500,
        "{ a(x: " + "[" * 2000 + "]" * 2000 + ") }",
        "query($v: " + "[" * 1000 + "Int" + "]" * 1000 + ") { a }",
        "{" + " users { email }" * 700 + "}",
        "{" + " a: __typename" * 1000 + "}",
        "{" + " ".join(f"a{number}: __typename" for number in range(1000)) + "}",
        "mutation {"
        + " ".join(f'a{number}: delete_user(email: "x") {{ ok }}' for number in range(30))
        + "}",
        "{ ...f0 } " + SPREADS + " fragment f40 on Query { __typename }",
        "{ ...f0 } " + CHAIN + " fragment f500 on Query { __typename }",
        "#" * 100_000,
        '{ a(x: "' + "x" * 100_000 + '") }',
    ],
)
def test_documents_beyond_the_bounds(client, query):
    with pytest.raises(GraphQLError):
        read_document(query)
    answer = client.gql(query)
    assert answer["data"] is None
    assert len(answer["errors"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        "{ ...a } fragment a on Query { ...a }",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ users { email ...missing } }",
        "subscription { a }",
        "type A { b: Int }",
        "{ __typename(",
        "\ud7ff\0",
    ],
)
def test_invalid_documents_are_refused(client, query):
    answer = client.gql(query)
    assert answer["errors"]
    assert "fault" not in json.dumps(answer["errors"])


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($v: UUID!) { compute_session(id: $v) { id } }", {"v": {"a": []}}),
        ("query($v: UUID) { users(group_id: $v) { email } }", {"v": [1]}),
        ("query($v: [ImageStatus]) { images(filter_by_statuses: $v) { name } }", {"v": [{}]}),
        ("query($v: Int!) { user_list(limit: $v, offset: 0) { total_count } }", {"v": 2**40}),
        ("query($v: String) { user(email: $v) { email } }", {"v": ["a", 1]}),
    ],
)
def test_variables_of_other_types(client, query, variables):
    answer = client.gql(query, **variables)
    assert answer["errors"]
    assert "fault" not in json.dumps(answer["errors"])


def speak(endpoint: str, request: bytes) -> bytes:
    """Send bytes as they are, and no more; returns what is answered."""
    url = urlsplit(endpoint)
    with socket.create_connection((url.hostname, url.port), 10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /%ff%00%1b%2f.. HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET //[ HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \xff\r\n\r\n", 200),
        (
            b"GET /?"
            + b"&".join(b"a%d" % n for n in range(9000))
            + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            200,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 11_000 + b"\r\n", 400),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400),
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + HANDSHAKE + b"{}", 400),
        (b"GET /stream/session/x/pty HTTP/1.1\r\nHost: a\r\n" + HANDSHAKE[:40] + b"\r\n\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n" + HANDSHAKE, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n" + HANDSHAKE, 431),
    ],
)
def test_raw_requests(shared, request_, status):
    answer = speak(shared.endpoint, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /auth/authorize HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n{",
        b"POST /auth/authorize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"GET /auth HTTP/1.1\r\nHost: a\r\nContent-Le",
    ],
)
def test_requests_that_are_cut_short(shared, http, request_):
    speak(shared.endpoint, request_)
    assert http.get(shared.endpoint + "/").status_code == 200


@pytest.mark.parametrize(
    "target", ["%00", "%1b[31m", "a%0aFATAL forged", "..%2f..", "%ff", "é" * 50]
)
@pytest.mark.parametrize("kind", ["session", "folders", "template/session"])
def test_paths_of_anything(client, kind, target):
    path = f"/{kind}/{quote(target, safe='%')}"
    assert client.ask("GET", path).status_code in {200, 404}


def test_an_address_is_not_what_a_header_says(client):
    answer = client.ask("GET", "/auth/my-ip", headers={"X-Forwarded-For": "203.0.113.7"})
    assert answer.json() == {"client_ip": "127.0.0.1"}


@pytest.mark.parametrize("path", ["execute", "pty", "tcpproxy?app=sshd"])
def test_unsigned_streams_are_refused(shared, session, path):
    with pytest.raises(Exception, match=r"40[01]"):
        connect(f"ws{shared.endpoint[4:]}/stream/session/{session}/{path}")
