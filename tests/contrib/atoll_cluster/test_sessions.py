"""Sessions over the API: asking for them, waiting, sharing the machine, and their ends."""

import json
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INVALID = "https://api.backend.ai/probs/invalid-api-params"


def refused(client, status=400, **body):
    """Ask for a session that is refused; returns the problem."""
    request = {"name": "refused", "image": "python", **body}
    answer = client.ask("POST", "/session", json=request)
    assert answer.status_code == status, answer.text
    return answer.json()


def names_of(services):
    return {service["name"] for service in services}


def status_of(client, name):
    return client.ask("GET", f"/session/{name}").json()["status"]


def test_create_info_and_destroy(client):
    created = client.create("first", tag="t1", config={"environ": {"GREETING": "hello"}})
    assert created["status"] == "RUNNING"
    assert created["created"] is True
    assert "sshd" in names_of(created["servicePorts"])
    assert created["servedExactly"] is True
    info = client.ask("GET", "/session/first").json()
    assert (info["status"], info["tag"], info["lang"]) == ("RUNNING", "t1", "python")
    assert info["image"] == f"local/{created['servedBy']}"
    assert info["environ"] == "{'GREETING': 'hello'}"
    assert client.run("first", "import os; print(os.environ['GREETING'])")[-1]["exitCode"] == 0
    gone = client.ask("DELETE", "/session/first")
    stats = gone.json()["stats"]
    assert (stats["status"], stats["version"]) == ("terminated", 2)
    assert float(stats["cpu_used"]["current"]) > 0
    assert client.ask("GET", "/session/first").status_code == 404


def test_every_spelling_of_older_and_newer_clients(client):
    answer = client.ask(
        "POST",
        "/session/_/create",
        json={
            "clientSessionToken": "spelling",
            "lang": "python:3.6-ubuntu18.04",
            "sessionType": "interactive",
            "groupName": "default",
            "domainName": "default",
            "priority": 10,
            "is_preemptible": True,
            "config": {
                "mount_ids": [],
                "mount_id_map": {},
                "mount_options": {},
                "resourceOpts": {},
            },
        },
    )
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert created["servedExactly"] is False
    assert created["servedBy"].startswith("python:3.")
    client.ask("DELETE", "/session/spelling")


def test_reuse(client):
    first = client.create("reused")
    again = client.create("reused")
    assert (again["sessionId"], again["created"]) == (first["sessionId"], False)
    assert names_of(again["service_ports"]) == names_of(first["servicePorts"])
    for other in ({"image": "bash"}, {"reuseIfExists": False}):
        problem = refused(client, name="reused", **other)
        assert problem["type"].endswith("/session-already-exists")
        assert problem["data"] == {"existingSessionId": first["sessionId"]}
    client.ask("DELETE", "/session/reused")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"name": "-abc"}, "1 to 64"),
        ({"name": "trailing-"}, "1 to 64"),
        ({"name": "a b c d"}, "1 to 64"),
        ({"name": "from-template"}, "session name"),
        ({"name": ""}, "name is required"),
        ({"image": None}, "image is required"),
        ({"config": {"resources": {"cpu": "half"}}}, "not a number like 2 or 0.5"),
        ({"config": {"resources": {"cpu": 11}}}, "this machine has 10"),
        ({"config": {"resources": {"mem": "900t"}}}, "900 TiB requested, this machine has"),
        ({"config": {"resources": {"mem": "lots"}}}, "not a size"),
        ({"config": {"resources": {"mem": "1m"}}}, "needs"),
        ({"config": {"resources": {"cuda.device": 1}}}, "unknown resource slot: cuda.device"),
        ({"config": {"preopen_ports": [80]}}, "1024"),
        ({"config": {"resource_opts": {"shmem": "lots"}}}, "not a size"),
        ({"config": {"resource_opts": {"shmem": "64g"}}}, "less than mem"),
        ({"config": {"agent_list": ["elsewhere"]}}, "the only one is i-local"),
        ({"config": []}, "config must be a map"),
        ({"type": "batch"}, "startup command"),
        ({"type": "nope"}, "unknown session type"),
        ({"starts_at": "1h"}, "only batch"),
        ({"type": "batch", "startupCommand": "true", "starts_at": "soon"}, "neither a time"),
        ({"bootstrap_script": []}, "must be a text"),
        ({"maxWaitSeconds": "long"}, "whole number"),
        ({"callback_url": "file:///etc/passwd"}, "http://"),
        ({"clusterSize": 0}, "1 or more"),
        ({"clusterSize": 3, "config": {"resources": {"cpu": 5}}}, "15 requested"),
    ],
)
def test_invalid_requests_are_reported_clearly(client, body, word):
    problem = refused(client, **body)
    assert problem["type"] == INVALID
    assert word in problem["msg"]


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.just("1e9999"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "resources": st.dictionaries(st.sampled_from(["cpu", "mem"]), odd),
        "environ": odd,
        "preopen_ports": odd,
        "resource_opts": odd,
    },
)
NAMES = (
    "name", "tag", "architecture", "group", "clusterSize", "clusterMode", "priority",
    "maxWaitSeconds", "bootstrap_script", "dependencies", "callback_url", "startupCommand",
    "starts_at", "reuseIfExists",
)  # fmt: skip
wishes = st.fixed_dictionaries({"config": configs | odd}, optional=dict.fromkeys(NAMES, odd))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(wish=wishes, is_batch=st.booleans())
def test_every_request_gets_an_answer(shared, http, wish, is_batch):
    client = shared.client(http, "user")
    kind = {"type": "batch", "startupCommand": "true", "starts_at": "1h"} if is_batch else {}
    body = {"name": "odd1", "image": "python", **kind, **wish, "enqueueOnly": True}
    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    answer = client.ask("POST", "/session", content=content, headers=headers)
    assert answer.status_code in {201, 400, 404, 412}, answer.text
    if answer.status_code == 201:
        client.ask("DELETE", f"/session/{answer.json()['sessionId']}?forced=true")


def test_an_image_for_other_processors_is_refused(client):
    """Never one for these in its place."""
    problem = refused(client, 404, architecture="s390x")
    assert "no image is for s390x here" in problem["msg"]


def test_unknown_image_names_what_is_near(client):
    problem = refused(client, 404, image="pythn")
    assert problem["title"] == "No such environment image."
    assert "python" in problem["data"]["near"]


def test_no_such_folder_and_no_such_group(client):
    assert refused(client, 404, config={"mounts": ["data"]})["title"] == "No such virtual folder."
    assert refused(client, 404, group="strangers")["title"] == "No such user group."


def test_refused_requests_leave_nothing(client):
    refused(client, maxWaitSeconds="long")
    assert client.ask("GET", "/session/refused").status_code == 404


def test_policy_is_enforced(client):
    problem = refused(client, 412, clusterSize=9, config={"resources": {"cpu": 1}})
    assert problem["type"].endswith("/quota-exceeded")
    assert "8 containers" in problem["msg"]


def test_full_machine_queues_and_wakes(client):
    client.create("large", config={"resources": {"cpu": 10}})
    waiting = client.create("patient", maxWaitSeconds=1)
    assert waiting["status"] == "TIMEOUT"
    assert waiting["statusInfo"] == "no-available-instances"
    assert status_of(client, "patient") == "PENDING"
    with client.events("?sessionName=patient&scope=session") as events:
        client.ask("DELETE", "/session/large")
        names = []
        while not names or names[-1] != "session_started":
            names.append(next(events).name)
    assert names == ["session_scheduled", "session_preparing", "session_started"]
    client.ask("DELETE", "/session/patient")


def test_queue_is_in_order_of_arrival(client):
    client.create("hold", config={"resources": {"cpu": 9}})
    client.create("big1", config={"resources": {"cpu": 2}}, enqueueOnly=True)
    client.create("small", config={"resources": {"cpu": 1}}, enqueueOnly=True)
    assert status_of(client, "small") == "PENDING"
    cancelled = client.ask("DELETE", "/session/big1")
    assert cancelled.json()["stats"]["status"] == "cancelled"
    assert client.create("small", config={"resources": {"cpu": 1}})["created"] is False
    with client.events("?sessionName=small") as events:
        if status_of(client, "small") != "RUNNING":
            assert "session_started" in (event.name for event in events)
    for name in ("small", "hold"):
        client.ask("DELETE", f"/session/{name}")


def test_higher_priorities_go_first(client):
    client.create("hold", config={"resources": {"cpu": 10}})
    for name, priority in (("early", 10), ("urgent", 90), ("later", 10), ("least", 0)):
        wish = {"type": "batch", "startupCommand": "true", "priority": priority}
        client.create(name, config={"resources": {"cpu": 10}}, enqueueOnly=True, **wish)
    with client.events("?scope=session") as events:
        client.ask("DELETE", "/session/hold")
        started = (event for event in events if event.name == "session_started")
        names = [next(started).data["sessionName"] for _ in range(4)]
        assert names == ["urgent", "early", "later", "least"]
        assert "session_terminated" in (event.name for event in events)


def test_kernels_get_processors_of_their_own(client):
    client.create("cpu-a", config={"resources": {"cpu": 2}})
    client.create("cpu-b", config={"resources": {"cpu": 1}})
    query = """query($name: String) { compute_session_list(limit: 1, offset: 0, filter: $name) {
        items { occupied_slots containers { occupied_slots } } } }"""
    found = client.gql(query, name='name == "cpu-a"')["data"]["compute_session_list"]["items"][0]
    assert '"cpu": "2"' in found["occupied_slots"]
    for name in ("cpu-a", "cpu-b"):
        client.ask("DELETE", f"/session/{name}")


def test_cluster_of_kernels(client):
    created = client.create("cluster", clusterSize=3)
    query = """query($id: ID!) { compute_container_list(limit: 9, offset: 0, session_id: $id) {
        items { cluster_hostname status } total_count } }"""
    found = client.gql(query, id=created["sessionId"])["data"]["compute_container_list"]
    assert [one["cluster_hostname"] for one in found["items"]] == ["main1", "sub1", "sub2"]
    assert {one["status"] for one in found["items"]} == {"RUNNING"}
    assert client.ask("DELETE", "/session/cluster").status_code == 200


SERVER = """
cat > serve.py <<'END'
import os, socket
name = os.environ["BACKENDAI_CLUSTER_HOST"]
if name != "main1":
    with socket.create_connection(("main1", 5123), 5) as link:
        name += f", who was told: {link.recv(100).decode()}"
server = socket.create_server((os.environ["BACKENDAI_CLUSTER_HOST"], 5123))
if os.fork(): os._exit(0)
while True:
    link, _ = server.accept()
    link.sendall(f"I am {name}".encode())
    link.close()
END
python serve.py
"""


def test_kernels_of_a_cluster_reach_each_other_by_name(client):
    client.create("meshed", clusterSize=3, bootstrap_script=SERVER)
    code = """
import os, socket
for host in os.environ["BACKENDAI_CLUSTER_HOSTS"].split(","):
    with socket.create_connection((host, 5123), 5) as link:
        print(link.recv(100).decode())
names = ("ROLE", "IDX", "SIZE", "REPLICAS", "LOCAL_RANK", "MODE")
print(*(os.environ[f"BACKENDAI_CLUSTER_{name}"] for name in names))
print(socket.gethostname())
"""
    lines = client.console(client.run("meshed", code)).splitlines()
    heard = "who was told: I am main1"
    assert lines[:3] == ["I am main1", f"I am sub1, {heard}", f"I am sub2, {heard}"]
    assert lines[3:] == ["main 1 3 main:1,sub:2 0 single-node", "main1"]
    client.ask("DELETE", "/session/meshed")


def test_kernel_that_dies_ends_its_session(client, shared):
    created = client.create("mortal")
    query = "query($id: UUID!) { compute_session(id: $id) { main_kernel_id status status_info } }"
    kernel = client.gql(query, id=created["sessionId"])["data"]["compute_session"]
    client.run("mortal", "print('last words')")
    with client.events("?sessionName=mortal&scope=session") as events:
        os.kill(shared.supervisor(kernel["main_kernel_id"]), signal.SIGKILL)
        assert next(events).name == "session_terminated"
    assert "last words" in client.ask("GET", "/session/mortal/logs").json()["result"]["logs"]


def test_batch_session(client):
    with client.events("?sessionName=batched&scope=session") as events:
        client.create("batched", type="batch", startupCommand="echo done", enqueueOnly=True)
        seen = {}
        for event in events:
            seen[event.name] = event.data
            if event.name == "session_terminated":
                break
    assert seen["session_success"]["exitCode"] == 0
    assert seen["session_terminated"]["reason"] == "task-done"
    assert "done" in client.ask("GET", "/session/batched/logs").json()["result"]["logs"]
    session_id = seen["session_terminated"]["sessionId"]
    task_logs = client.ask("GET", f"/session/_/logs?taskId={session_id}")
    assert task_logs.headers["content-type"].startswith("text/plain")
    assert "done" in task_logs.text


def test_a_long_log_is_whole_while_it_runs_and_after_its_end(client):
    whole = "".join(f"{number}\n" for number in range(1, 300_001))
    client.create("wordy", type="batch", startupCommand="seq 1 300000; sleep 60", enqueueOnly=True)
    deadline = time.monotonic() + 60
    logs = ""
    while logs != whole:
        assert time.monotonic() < deadline, logs[-100:]
        logs = client.ask("GET", "/session/wordy/logs").json().get("result", {}).get("logs", "")
    session_id = client.ask("GET", "/session/_/match?id=wordy").json()["matches"][0]["id"]
    client.ask("DELETE", "/session/wordy")
    assert client.ask("GET", "/session/wordy/logs").json()["result"]["logs"] == whole
    assert client.ask("GET", f"/session/_/logs?taskId={session_id}").text == whole


def test_a_callback_is_told_of_a_sessions_life(client):
    told = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        server.timeout = 10
        url = f"http://127.0.0.1:{server.server_port}/told"
        wish = {"type": "batch", "startupCommand": "true", "callback_url": url}
        created = client.create("calling", enqueueOnly=True, **wish)
        while "terminated" not in [one["event"] for one in told]:
            before = len(told)
            server.handle_request()
            assert len(told) > before
    assert {"enqueued", "started", "success", "terminating"} <= {one["event"] for one in told}
    assert {one["session_id"] for one in told} == {created["sessionId"]}
    assert {one["type"] for one in told} == {"session_lifecycle"}


def test_dependencies_wait_for_success(client):
    first = client.create("step1", type="batch", startupCommand="exit 1", enqueueOnly=True)
    with client.events("?sessionName=step2&scope=session") as events:
        client.create(
            "step2",
            type="batch",
            startupCommand="true",
            dependencies=[first["sessionId"]],
            enqueueOnly=True,
        )
        names = [next(events).name for _ in range(2)]
    assert names == ["session_enqueued", "session_cancelled"]
    graph = client.ask("GET", "/session/step2/dependency-graph").json()
    assert [one["session_name"] for one in graph["depends_on"]] == ["step1"]


def test_starts_at_waits_without_holding_others_up(client):
    client.create("later", type="batch", startupCommand="true", starts_at="1h", enqueueOnly=True)
    assert client.create("sooner")["status"] == "RUNNING"
    assert status_of(client, "later") == "PENDING"
    for name in ("later", "sooner"):
        client.ask("DELETE", f"/session/{name}")


def test_rename_match_and_history(client):
    created = client.create("before")
    assert client.ask("POST", "/session/before/rename?name=after-it").status_code == 204
    found = client.ask("GET", "/session/_/match?id=after").json()["matches"]
    assert [one["id"] for one in found] == [created["sessionId"]]
    history = client.ask("GET", f"/session/{created['sessionId']}/status-history").json()["result"]
    assert list(history) == ["PENDING", "SCHEDULED", "PREPARING", "RUNNING"]
    assert sorted(history.values()) == list(history.values())
    client.ask("DELETE", "/session/after-it")


def test_a_client_that_disconnects_keeps_its_place_in_the_queue(client, shared):
    client.create("blocker", config={"resources": {"cpu": 10}})
    with client.events("?sessionName=leaver&scope=session") as events:
        body = {"name": "leaver", "image": "python"}
        request = client.http.build_request("POST", client.endpoint + "/session", json=body)
        request.headers.update(client.headers("POST", "/session", "application/json"))
        thread = threading.Thread(target=_hang_up, args=(shared.endpoint, request))
        thread.start()
        assert next(events).name == "session_enqueued"
        thread.join()
    assert status_of(client, "leaver") == "PENDING"
    for name in ("leaver", "blocker"):
        client.ask("DELETE", f"/session/{name}")


def _hang_up(endpoint, request):
    """Send a request and close the connection without reading the answer."""
    host, port = endpoint.removeprefix("http://").split(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"POST /session HTTP/1.1\r\n{head}\r\n".encode() + request.content)


def test_a_slow_start_can_only_be_ended_with_force(client, shared):
    with client.events("?sessionName=slowly&scope=session") as events:
        script = "while true; do read -t 1 < /dev/zero; done"
        created = client.create("slowly", bootstrap_script=script, enqueueOnly=True)
        assert "session_preparing" in (event.name for event in events)
    refusal = client.ask("DELETE", "/session/slowly")
    assert refusal.status_code == 403
    assert "PREPARING" in refusal.json()["msg"]
    ended = client.ask("DELETE", "/session/slowly?forced=true")
    assert ended.json()["stats"]["status"] == "terminated"
    query = "query($id: UUID!) { compute_session(id: $id) { main_kernel_id status_info } }"
    found = client.gql(query, id=created["sessionId"])["data"]["compute_session"]
    assert found["status_info"] == "force-terminated"
    assert not (shared.data / "kernels" / found["main_kernel_id"]).exists()


@pytest.mark.parametrize(
    ("script", "made"),
    [
        ("echo prepared > made", "prepared\n"),
        ("#!/bin/sh\nprintf '%s' \"$HOME\" > made\n", "/home/work"),
        ("true", ""),
        ("printf '한 é' > made", "한 é"),
    ],
)
def test_bootstrap_runs_before_anything_else(client, script, made):
    """A script is a text, also one that could be base64 of something else."""
    client.create("boot", bootstrap_script=f": > made\n{script}" if made else script)
    code = "import os; print(open('made').read() if os.path.exists('made') else '', end='')"
    assert client.console(client.run("boot", code)) == made
    client.ask("DELETE", "/session/boot")


def test_a_failed_start_is_reported_and_frees_the_slots(client, shared):
    kernels = shared.data / "kernels"
    kernels.rename(shared.data / "aside")
    kernels.touch()  # Where the engine wants a folder there is a file now.
    created = client.create("broken")
    kernels.unlink()
    (shared.data / "aside").rename(kernels)
    assert created["status"] == "ERROR"
    assert "folder" in created["statusInfo"]
    assert client.ask("DELETE", "/session/broken").status_code == 403
    assert client.ask("DELETE", "/session/broken?forced=true").status_code == 200
    assert client.create("after", config={"resources": {"cpu": 10}})["status"] == "RUNNING"
    client.ask("DELETE", "/session/after")


def test_force_is_not_needed_but_allowed(client):
    created = client.create("forced")
    answer = client.ask("DELETE", f"/session/{created['sessionId']}?forced=true")
    assert answer.json()["stats"]["status"] == "terminated"
    assert client.ask("DELETE", "/session/forced").status_code == 404


def test_users_can_access_only_their_own_sessions(client, user):
    client.create("secret1")
    assert user.ask("GET", "/session/secret1").status_code == 404
    assert user.ask("DELETE", "/session/secret1").status_code == 404
    named = user.ask("GET", f"/session/secret1?owner_access_key={client.access_key}")
    assert named.status_code == 403
    mine = user.create("mine1")
    seen = client.ask("GET", f"/session/mine1?owner_access_key={user.access_key}")
    assert seen.status_code == 200
    unknown = client.ask("GET", "/session/mine1?owner_access_key=AKIANOBODY")
    assert unknown.json()["type"] == INVALID
    answer = client.ask(
        "DELETE", f"/session/{mine['sessionId']}?owner_access_key={user.access_key}"
    )
    assert answer.status_code == 200
    client.ask("DELETE", "/session/secret1")
