"""Code in sessions: by polling and over a websocket."""

import json
import time

import pytest
from websockets.exceptions import InvalidStatus


@pytest.fixture(scope="module", autouse=True)
def session(shared, http):
    client = shared.client(http)
    client.create("exec1")
    yield
    client.ask("DELETE", "/session/exec1")


def converse(socket, code, mode="query", options=None):
    """Start a run on a socket and yield its turns; the socket closes after the last."""
    socket.send(json.dumps({"mode": mode, "code": code, "options": options or {}}))
    for message in socket:
        yield json.loads(message)


def test_polling_keeps_state_and_tells_the_exit_code(client):
    assert client.run("exec1", "value = 6 * 7")[-1]["exitCode"] == 0
    turns = client.run("exec1", "print(value); raise SystemExit(3)")
    assert client.console(turns) == "42\n"
    assert turns[-1]["exitCode"] == 3
    failed = client.run("exec1", "1 / 0")
    assert failed[-1]["exitCode"] == 1
    assert "ZeroDivisionError" in client.console(failed, "stderr")


def test_polling_answers_within_its_time(client):
    began = time.monotonic()
    code = "import time\nprint('early', flush=True)\ntime.sleep(2.5)\nprint('late')"
    turns = client.run("exec1", code)
    assert turns[0]["status"] == "continued"
    assert turns[0]["console"] == [["stdout", "early\n"]]
    assert client.console(turns) == "early\nlate\n"
    assert time.monotonic() - began < 10


def test_polling_input(client):
    ask = {"mode": "query", "code": "print('hello', input('name? '))", "runId": None}
    waiting = client.ask("POST", "/session/exec1", json=ask).json()["result"]
    assert waiting["status"] == "waiting-input"
    assert waiting["options"] == {"is_password": False}
    answer = {"mode": "input", "code": "ann", "run_id": waiting["runId"]}
    finished = client.ask("POST", "/session/exec1", json=answer).json()["result"]
    assert finished["status"] == "finished"
    assert "hello ann" in client.console([finished])


def test_batch_steps(client):
    options = {"clean": "echo c", "build": "echo b", "exec": "echo x; exit 7"}
    turns = client.run("exec1", "", mode="batch", options=options)
    told = [(turn["status"], turn["exitCode"]) for turn in turns if turn["status"] != "continued"]
    assert told == [("clean-finished", 0), ("build-finished", 0), ("finished", 7)]
    assert client.console(turns) == "c\nb\nx\n"


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "nope"},
        {},
        {"mode": "continue"},
        {"mode": "input", "code": "x"},
        {"mode": "continue", "runId": "unknown"},
        {"mode": "query", "options": 3},
    ],
)
def test_wrong_requests(client, body):
    answer = client.ask("POST", "/session/exec1", json=body)
    assert answer.status_code == 400, answer.text


def test_completion(client):
    body = {"mode": "complete", "code": "impor", "options": {"line": "impor", "row": 0, "col": 5}}
    found = client.ask("POST", "/session/exec1", json=body).json()["result"]
    assert found["status"] == "finished"
    direct = client.ask("POST", "/session/exec1/complete", json=body).json()["result"]
    assert any("import" in one for one in direct["completions"])


def test_stream(client):
    with client.stream("exec1") as socket:
        turns = list(converse(socket, "print('one'); print('two')"))
    assert turns[-1] == {
        "status": "finished",
        "console": [["stdout", "one\ntwo\n"]],
        "exitCode": 0,
        "options": None,
        "files": [],
    }
    assert socket.close_code == 1000


def test_stream_input(client):
    with client.stream("exec1") as socket:
        turns = converse(socket, "print('x', flush=True); print(input('? '))")
        seen = []
        for turn in turns:
            seen.append(turn)
            if turn["status"] == "waiting-input":
                socket.send("typed")
        assert "typed" in client.console(seen)


def test_closing_early_interrupts(client):
    with client.stream("exec1") as socket:
        turns = converse(socket, "print('go', flush=True)\nwhile True: pass")
        assert next(turns)["console"] == [["stdout", "go\n"]]
    # One run at a time: this one answers only once the endless one was interrupted.
    assert client.console(client.run("exec1", "print('free')")) == "free\n"


def test_interrupt(client):
    with client.stream("exec1") as socket:
        turns = converse(socket, "print('go', flush=True)\nwhile True: pass")
        next(turns)
        assert client.ask("POST", "/session/exec1/interrupt").status_code == 204
        assert list(turns)[-1]["exitCode"] == 130


@pytest.mark.parametrize("message", ["no json", "[]", '{"mode": "nope"}', b"\xff\x00"])
def test_stream_reports_mistakes(client, message):
    with client.stream("exec1") as socket:
        socket.send(message)
        assert json.loads(socket.recv())["status"] == "error"


def test_stream_of_an_unknown_session_is_refused_before_it_opens(client):
    with pytest.raises(InvalidStatus) as caught:
        client.stream("nothing-here")
    assert caught.value.response.status_code == 404
    assert json.loads(caught.value.response.body)["title"] == "No such session."


def test_the_end_of_the_session_ends_the_run(client):
    client.create("brief")
    with client.stream("brief") as socket:
        turns = converse(socket, "print('go', flush=True)\nimport time; time.sleep(60)")
        next(turns)
        client.ask("DELETE", "/session/brief?forced=true")
        assert list(turns)[-1]["exitCode"] == 130


def test_much_output_arrives_whole(client):
    code = "for n in range(20000): print(n, 'x' * 50)"
    text = client.console(client.run("exec1", code))
    assert text.count("\n") == 20000
    assert text.endswith("19999 " + "x" * 50 + "\n")


def test_messages_stay_small_enough_for_every_client(client):
    with client.stream("exec1") as socket:
        socket.send(json.dumps({"mode": "query", "code": "print('\\1' * 3_000_000)"}))
        sizes = [len(message) for message in socket]
    assert sum(sizes) > 3_000_000 * len("\\u0001")
    assert max(sizes) < 1024 * 1024


def test_logs(client):
    client.run("exec1", "print('for the log')")
    logs = client.ask("GET", "/session/exec1/logs").json()["result"]["logs"]
    assert "for the log" in logs
    apps = client.ask("GET", "/stream/session/exec1/apps").json()
    assert "sshd" in {app["name"] for app in apps}
