"""The official client of 23.09 on a laptop, which reaches the site through `atoll proxy`."""

import json
import os
import re
from uuid import uuid4

import pytest
import yaml
from tests.official import CLIENTS, official_program
from tests.programs import Program

NODE = re.compile(r"on n[1-3]\b")
HOSTNAME = "import socket; print('on', socket.gethostname())"


@pytest.fixture(scope="module")
def client(lab, tmp_path_factory):
    """The client, with keys that are nobody's: the proxy signs anew with the right ones."""
    program = official_program(next(one for one in CLIENTS if one.release.startswith("23.")))
    with lab.started("proxy", "-p", "0", "--output", "jsonl") as proxy:
        proxy.wait_for("}")
        facing = {
            "BACKEND_ENDPOINT": json.loads(proxy.printed())["address"],
            "BACKEND_ENDPOINT_TYPE": "api",
            "BACKEND_ACCESS_KEY": "AKIA" + "0" * 16,
            "BACKEND_SECRET_KEY": "0" * 40,
        }
        yield Program([str(program)], tmp_path_factory.mktemp("official"), facing)


@pytest.fixture
def name():
    """A name that no other session or folder has."""
    return f"o{uuid4().hex[:8]}"


@pytest.fixture
def work(client, name):
    """A session that the client has made."""
    must(client, "session", "create", "-t", name, "-r", "cpu=1", "-r", "mem=512m", "python")
    yield name
    client("session", "rm", "--forced", name)


def must(client, *words):
    done = client(*words)
    assert done.code == 0, done
    return done.out + done.err


def listed(client):
    """Its list of sessions; it fails where there are none."""
    done = client("ps")
    return done.out + done.err


def test_code_runs_on_a_node(client, name):
    told = must(client, "run", "--rm", "-t", name, "-c", HOSTNAME, "python")
    assert NODE.search(told)
    assert "Execution finished. (exit code = 0)" in told
    assert name not in listed(client)


def test_a_file_is_run_by_a_command(client, name):
    (client.home / "greet.py").write_text("import sys; print('greetings,', *sys.argv[1:])")
    words = ["run", "--rm", "-t", name, "--exec", "python greet.py Ada", "python", "greet.py"]
    assert "greetings, Ada" in must(client, *words)


def test_a_session_is_listed_described_and_restarted(client, work):
    row = next(line for line in listed(client).splitlines() if work in line)
    assert "RUNNING" in row
    session_id = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", row)[0]
    assert "RUNNING" in must(client, "session", "info", session_id)
    must(client, "run", "-t", work, "-c", "print('to the log')", "python")
    assert "to the log" in must(client, "session", "logs", work)
    must(client, "session", "restart", work)
    assert NODE.search(must(client, "run", "-t", work, "-c", HOSTNAME, "python"))
    must(client, "session", "rm", work)
    assert work not in listed(client)


def test_files_of_a_session(client, work):
    content = os.urandom(100_000)
    (client.home / "data.bin").write_bytes(content)
    must(client, "session", "upload", work, "data.bin")
    assert "data.bin" in must(client, "session", "ls", work)
    (client.home / "data.bin").unlink()
    must(client, "session", "download", work, "data.bin")
    assert (client.home / "data.bin").read_bytes() == content


def test_a_folder_is_mounted_on_the_node(client, name):
    (client.home / "one.txt").write_text("from the laptop")
    must(client, "vfolder", "create", name, "local:volume1")
    try:
        must(client, "vfolder", "upload", name, "one.txt")
        code = f"print(open('{name}/one.txt').read()); open('{name}/two.txt', 'w').write('back')"
        words = ["run", "--rm", "-t", f"{name}s", "-v", name, "-c", code, "python"]
        assert "from the laptop" in must(client, *words)
        must(client, "vfolder", "download", name, "two.txt")
        assert (client.home / "two.txt").read_text() == "back"
    finally:
        client("vfolder", "delete", name)


def test_a_template_starts_a_session(client, name):
    template = {
        "apiVersion": "6",
        "kind": "taskTemplate",
        "metadata": {"name": name},
        "spec": {"kernel": {"image": "python"}, "resources": {"cpu": "1", "mem": "256m"}},
    }
    (client.home / "made.yaml").write_text(yaml.safe_dump(template))
    made = must(client, "session-template", "create", "-f", "made.yaml")
    [template_id] = re.findall(r"\b[0-9a-f]{32}\b|\b[0-9a-f-]{36}\b", made)[:1]
    try:
        must(client, "session", "create-from-template", "-t", name, template_id)
        assert re.search(rf"{name}.*RUNNING", must(client, "ps"))
    finally:
        client("session", "rm", "--forced", name)
        client("session-template", "delete", template_id, "--yes")


def test_a_sweep_leaves_a_log_of_each_case(client, name):
    (client.home / "show.py").write_text("import sys; print('value', sys.argv[1])")
    words = ["--exec", "python show.py $X", "--exec-range", "X=case:11,22", "-r", "cpu=1"]
    must(client, "run", "--rm", "-t", name, *words, "python", "show.py")
    logs = client.home.glob(".cache/**/*.stdout.log")
    assert sorted(path.read_text().strip() for path in logs) == ["value 11", "value 22"]


@pytest.mark.parametrize("kind", ["agent", "scaling-group", "image", "session", "user", "keypair"])
@pytest.mark.usefixtures("work")
def test_the_administrator_s_lists(client, kind):
    assert must(client, "admin", kind, "list").strip()


def test_events_are_heard(client, work):
    with client.started("session", "events", work) as events:
        for _ in range(20):  # The client does not say when it has begun to listen.
            must(client, "session", "restart", work)
            if events.has_printed("session_"):
                break
        assert events.has_printed("session_")
        events.interrupt()
