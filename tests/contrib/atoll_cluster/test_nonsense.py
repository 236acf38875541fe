"""Kernels that talk nonsense: the session becomes ERROR and says why, everything else goes on."""

import json
import os
import socket
from contextlib import contextmanager
from threading import Thread

import pytest
from tests.contrib.atoll_cluster.conftest import DEADLINE

EVENTS = {
    "no JSON": b"nonsense\n",
    "no text": b"\xff\xfe\n",
    "no object": b"[1, 2]\n",
    "nothing": b"{}\n",
    "deep": b"[" * 100_000 + b"\n",
    "unknown event": b'{"event": "sing"}\n',
    "half an event": b'{"event": "media"}\n',
    "wrong type": b'{"event": "output", "stream": "stdout", "text": 5}\n',
    "wrong stream": b'{"event": "output", "stream": "stdin", "text": ""}\n',
    "wrong exit code": b'{"event": "finished", "exit_code": null}\n',
    "without end": b"x" * (21 << 20),
}
ANSWERS = [b"{}\n", b'{"candidates": 5}\n', b"null\n"]


def status(client, name):
    query = "query($f: String) { compute_session_list(limit: 1, offset: 0, filter: $f) { items {"
    query += " status status_info } } }"
    found = client.gql(query, f=f'name == "{name}"')["data"]["compute_session_list"]["items"]
    return found[0]["status"], found[0]["status_info"] or ""


@contextmanager
def impostor(program, client, name, answer):
    """Answer in the place of a session's kernel."""
    info = client.ask("GET", f"/session/{name}").json()
    run = program.data / "kernels" / info["containerId"] / "run"
    (run / "kernel.sock").unlink()
    here = os.open(run, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{here}/kernel.sock")
        os.close(here)
        listener.listen()
        listener.settimeout(DEADLINE)
        thread = Thread(target=answer_one, args=(listener, answer))
        thread.start()
        yield
        thread.join()


def answer_one(listener, answer):
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        try:
            connection.sendall(answer)
            connection.recv(1)
        except OSError:
            pass  # Nobody listens to it any more.


def is_out_of_order(client, name):
    with client.events(f"?sessionName={name}&scope=session") as events:
        if status(client, name)[0] != "ERROR":
            assert "session_error" in (event.name for event in events)
    return "the kernel sent invalid data" in status(client, name)[1]


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_a_run_with_invalid_messages_of_the_kernel(shared, client, event):
    client.create("fool")
    with impostor(shared, client, "fool", b'{"run_id": "r"}\n' + event):
        turns = client.run("fool", "1")
    assert turns[-1]["exitCode"] != 0
    assert "the kernel sent invalid data" in client.console(turns, "stderr")
    assert is_out_of_order(client, "fool")
    assert client.ask("DELETE", "/session/fool?forced=true").status_code == 200


@pytest.mark.parametrize("answer", ANSWERS)
def test_other_invalid_messages_of_a_kernel(shared, client, answer):
    client.create("fool")
    with impostor(shared, client, "fool", answer):
        body = {"code": "pri", "options": {}}
        told = client.ask("POST", "/session/fool/complete", json=body)
    assert told.status_code == 500
    assert "the kernel sent invalid data" in json.dumps(told.json())
    assert is_out_of_order(client, "fool")
    client.ask("DELETE", "/session/fool?forced=true")


MEDDLE = """import os, stat
for fd in range(3, 99):
    try:
        is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        continue
    if is_socket:
        break
piece = {piece}
while piece:
    piece = piece[os.write(fd, piece):]
import time; time.sleep(60)
"""


@pytest.mark.parametrize(
    "piece",
    [
        """b'{"event":"media"}\\n\'""",
        """b'{"event":["done"]}\\n\'""",
        """b'{"event":"completions","candidates":[]}\\n\'""",
        r"b'garbage\xff\n'",
        r"b'[' * 100_000 + b'\n'",
        r"b'5\n'",
        r"b'x' * (18 << 20)",
    ],
)
def test_code_that_damages_its_interpreter(client, piece):
    client.create("meddler")
    turns = client.run("meddler", MEDDLE.format(piece=piece))
    assert turns[-1]["exitCode"] != 0
    assert is_out_of_order(client, "meddler")
    client.ask("DELETE", "/session/meddler?forced=true")


def test_a_result_that_is_too_large_is_reported(client):
    client.create("plotter")
    result = "class Page:\n    def _repr_html_(self): return 'x' * {}\nPage()"
    turns = client.run("plotter", result.format(70_000_000))
    assert turns[-1]["exitCode"] == 0
    assert "[67 MiB of text/html are not shown: 16 MiB can be]" in client.console(turns, "stderr")
    turns = client.run("plotter", result.format(10_000_000))
    assert [len(text) for turn in turns for kind, text in turn["console"] if kind == "html"] == [
        10_000_000
    ]
    assert client.ask("DELETE", "/session/plotter").status_code == 200
