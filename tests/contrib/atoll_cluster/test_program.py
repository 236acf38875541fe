"""The program: one for a folder, private files, found again after a kill, nothing lost."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.contrib.processes import wait_for_end

DEADLINE = 60.0


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def attempt(program, *arguments):
    """Run a second program on the folder of the first."""
    command = [sys.executable, "-m", "atoll_cluster", "--data", str(program.data), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)


def main_kernel(client, session_id):
    query = "query($id: UUID!) { compute_session(id: $id) { main_kernel_id status status_info } }"
    return client.gql(query, id=session_id)["data"]["compute_session"]


def test_files_are_private_and_correct(program, http):
    program.start()
    server = json.loads((program.data / "server.json").read_text())
    assert server["pid"] == program.process.pid
    fields = Path(f"/proc/{server['pid']}/stat").read_text().rpartition(")")[2].split()
    assert server["started"] == int(fields[19])
    assert server["endpoint"] == f"http://127.0.0.1:{server['port']}"
    assert mode(program.data) == 0o700
    for name in ("server.json", "credentials.json", "cluster.sqlite3", "port"):
        assert mode(program.data / name) == 0o600, name
    keys = json.loads((program.data / "credentials.json").read_text())
    assert all(len(pair["access_key"]) == 20 for pair in keys.values())
    assert all(len(pair["secret_key"]) == 40 for pair in keys.values())
    assert program.end() == 0
    assert not (program.data / "server.json").exists()


def test_listens_on_loopback_only(program):
    program.start()
    port = int((program.data / "port").read_text())
    lines = Path("/proc/net/tcp").read_text().splitlines()
    listening = [line.split()[1] for line in lines if " 0A " in line]
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening


def test_second_program_leaves_the_first_alone(program):
    program.start()
    second = attempt(program)
    assert second.returncode == 0
    assert program.endpoint in second.stdout
    assert second.stderr == ""


def test_same_port_and_keys_next_time_unless_taken(program):
    program.start()
    first, keys = program.endpoint, (program.data / "credentials.json").read_text()
    program.end()
    program.start()
    assert program.endpoint == first
    assert (program.data / "credentials.json").read_text() == keys
    program.end()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", int(first.rpartition(":")[2])))
        squatter.listen()
        program.start()
        assert program.endpoint != first


def test_port_that_is_taken_is_refused_in_one_line(program):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        result = attempt(program, "--port", str(squatter.getsockname()[1]))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "cannot listen on port" in result.stderr


def test_open_credentials_are_refused_in_one_line(program):
    program.start().end()
    (program.data / "credentials.json").chmod(0o640)
    result = attempt(program)
    assert result.returncode == 1
    assert "chmod 600" in result.stderr
    assert result.stderr.count("\n") == 1


def test_lost_credentials_file_is_written_again(program):
    program.start().end()
    path = program.data / "credentials.json"
    before = path.read_text()
    path.unlink()
    program.start()
    assert path.read_text() == before


def test_log_goes_to_the_folder_when_asked(program):
    command = [sys.executable, "-m", "atoll_cluster", "--data", str(program.data), "--log-file"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    # Its end of the pipe closes when it has ended, so the signal may come at any time.
    while not (program.data / "server.json").exists():
        assert process.poll() is None
        os.sched_yield()
    process.terminate()
    assert process.communicate(timeout=DEADLINE)[1] == b""
    assert "answering at" in (program.data / "log" / "cluster.log").read_text()


@pytest.mark.parametrize("keep", [False, True])
def test_sessions_end_with_the_program_unless_kept(program, http, keep):
    program.arguments = ("--keep-sessions",) if keep else ()
    created = program.start().client(http).create("keeper")
    assert program.end() == 0
    found = main_kernel(program.start().client(http), created["sessionId"])
    if keep:
        assert found["status"] == "RUNNING"
        assert program.client(http).ask("DELETE", "/session/keeper").status_code == 200
    else:
        assert (found["status"], found["status_info"]) == ("TERMINATED", "agent-termination")


def test_killed_program_finds_its_sessions_again(program, http):
    program.arguments = ("--slots", "cpu=3")
    client = program.start().client(http)
    kept, dead = client.create("kept1"), client.create("dead1")
    client.run("kept1", "x = 41")
    client.run("dead1", "print('last words')")
    waiting = client.create("waiting", config={"resources": {"cpu": 2}}, enqueueOnly=True)
    supervisor = program.supervisor(main_kernel(client, dead["sessionId"])["main_kernel_id"])
    program.end(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    wait_for_end(supervisor)
    client = program.start().client(http)
    assert main_kernel(client, kept["sessionId"])["status"] == "RUNNING"
    assert client.run("kept1", "print(x + 1)")[-1]["console"] == [["stdout", "42\n"]]
    ended = main_kernel(client, dead["sessionId"])
    assert (ended["status"], ended["status_info"]) == ("TERMINATED", "unknown")
    logs = client.ask("GET", "/session/dead1/logs").json()["result"]["logs"]
    assert logs == "last words\n"
    # Its place is free again, so the one that waited runs now.
    again = client.create("waiting", config={"resources": {"cpu": 2}})
    assert again["sessionId"] == waiting["sessionId"]
    history = client.ask("GET", "/session/waiting/status-history").json()["result"]
    assert next(iter(history)) == "PENDING"


def edit(program, *statements, values=()):
    """Change the store as a program leaves it that dies between two writes."""
    database = sqlite3.connect(program.data / "cluster.sqlite3")
    with database:
        for statement in statements:
            database.execute(statement, values)
    database.close()


@pytest.mark.parametrize("status", ["SCHEDULED", "PREPARING"])
def test_half_done_start_is_done_again(program, http, status):
    program.arguments = ("--slots", "cpu=1")
    client = program.start().client(http)
    client.create("blocker")
    created = client.create("halfway", enqueueOnly=True)
    program.end(signal.SIGKILL)
    session_id = created["sessionId"]
    edit(
        program,
        "UPDATE sessions SET status = ? WHERE id = ?",
        "UPDATE kernels SET status = ? WHERE session_id = ?",
        values=(status, session_id),
    )
    client = program.start().client(http)
    assert main_kernel(client, session_id)["status"] == "PENDING"
    with client.events("?sessionName=halfway&scope=session") as events:
        client.ask("DELETE", "/session/blocker")
        assert "session_started" in (event.name for event in events)
    assert client.run("halfway", "print(1)")[-1]["exitCode"] == 0


def test_half_written_end_is_finished(program, http):
    client = program.start().client(http)
    created = client.create("ending")
    kernel_id = main_kernel(client, created["sessionId"])["main_kernel_id"]
    supervisor = program.supervisor(kernel_id)
    program.end(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    wait_for_end(supervisor)
    edit(
        program,
        "UPDATE kernels SET status = 'TERMINATED', status_info = 'self-terminated', exit_code = 7",
    )
    client = program.start().client(http)
    found = main_kernel(client, created["sessionId"])
    assert (found["status"], found["status_info"]) == ("TERMINATED", "self-terminated")
    assert not (program.data / "kernels" / kernel_id).exists()


def test_batch_run_goes_on_without_the_program(program, http):
    client = program.start().client(http)
    command = "while [ ! -e go ]; do read -t 0.1 < /dev/zero; done; exit 5"
    created = client.create("batch1", type="batch", startupCommand=command)
    kernel = main_kernel(client, created["sessionId"])["main_kernel_id"]
    program.end(signal.SIGKILL)
    client = program.start().client(http)
    with client.events("?scope=session") as events:
        (program.data / "kernels" / kernel / "home" / "go").touch()
        seen = {}
        for event in events:
            seen[event.name] = event.data
            if event.name == "session_terminated":
                break
    assert seen["session_failure"]["exitCode"] == 5
    assert seen["session_terminated"]["reason"] == "task-failed"


def test_bad_arguments_are_told_in_a_line(tmp_path):
    arguments = ["--data", str(tmp_path), "--slots", "mem=lots"]
    command = [sys.executable, "-m", "atoll_cluster", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert "not a size" in result.stderr
    assert "Traceback" not in result.stderr


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "atoll_cluster", "--data", str(tmp_path / "file" / "data")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "precious").touch()
    tmp_path.chmod(0o755)
    command = [sys.executable, "-m", "atoll_cluster", "--data", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "contains other files" in result.stderr
    assert mode(tmp_path) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_stops_while_a_client_listens(program, http):
    client = program.start().client(http)
    with client.events() as events:
        assert program.end() == 0
        assert list(events) == []
    with pytest.raises(httpx.ConnectError):
        client.ask("GET", "/auth")
