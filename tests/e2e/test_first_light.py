"""What a newcomer types, on the embedded cluster that starts by itself."""

import json
import signal

import pytest

pytestmark = pytest.mark.slow


def test_hello_world(atoll):
    """One command, nothing set up: the output of the code alone is on standard output."""
    result = atoll.run("run", "--rm", "-c", 'print("hello world")', "python:3.6-ubuntu18.04")

    assert (result.stdout, result.returncode) == ("hello world\n", 0)
    said = result.stderr.splitlines()
    assert said[0].startswith("atoll: starting the embedded cluster")
    assert said[1].startswith("python:3.6-ubuntu18.04 is served by python:3.")
    assert atoll.run("ps", "--name-only").stdout == ""


def test_exit_codes(atoll):
    """The program's own, or one that says what was wrong."""
    assert atoll.run("run", "--rm", "-qc", "import sys; sys.exit(3)", "python").returncode == 3
    assert atoll.run("run", "--rm", "-qc", "1/0", "python").returncode == 1

    unknown = atoll.run("run", "--rm", "-c", "1", "pyhton")
    assert unknown.returncode == 5
    assert unknown.stderr.count("\n") == 1
    assert "did you mean python" in unknown.stderr


def test_an_empty_cluster_has_an_empty_table(atoll):
    """It is no error."""
    result = atoll.run("ps")

    assert result.returncode == 0
    assert result.stdout.splitlines()[0].split()[:2] == ["Session", "ID"]
    assert len(result.stdout.splitlines()) == 2
    assert atoll.run("ps", "--output", "json").stdout == "[]\n"


def test_the_same_from_a_pipe(atoll):
    """And under the official client's name."""
    script = "start -t sess1 python\nps --name-only\nrm sess1\n"
    result = atoll.run(stdin=script)

    assert (result.stdout, result.returncode) == ("sess1\n", 0)
    assert atoll.run("ps", "--name-only", program="backend.ai").stdout == ""

    stopped = atoll.run(stdin="ps\nnosuch\nps\n")
    assert stopped.returncode == 2
    assert stopped.stdout.count("Session ID") == 1
    assert stopped.stderr.startswith("atoll: line 2: no such command: nosuch")


def test_a_session_keeps_its_state_between_runs(atoll):
    """Until it is terminated, by name, id, or the start of an id."""
    assert atoll.run("run", "-t", "keep", "-qc", "x = 41", "python").returncode == 0
    again = atoll.run("run", "-t", "keep", "-c", "print(x + 1)", "python")
    assert again.stdout == "42\n"
    assert "used again" in again.stderr

    (session,) = json.loads(atoll.run("ps", "-f", "id,name,status", "--output", "json").stdout)
    assert session["status"] == "RUNNING"
    assert atoll.run("info", session["id"][:8], "--output", "jsonl").stdout.startswith("{")
    assert atoll.run("logs", "keep").stdout.endswith("42\n")
    assert atoll.run("rm", session["id"][:8]).returncode == 0
    assert atoll.run("rm", "keep").returncode == 5
    assert atoll.run("logs", "keep").stdout.endswith("42\n")


def test_files_are_built_and_run(atoll, tmp_path, monkeypatch):
    """In the session's work folder, with the exit code of the program."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "show.py").write_text("import sys; print(sys.argv[1:]); sys.exit(4)")

    command = "python3 show.py a 'b c'"
    result = atoll.run("run", "--rm", "-q", "--exec", command, "python", "./show.py")
    assert (result.stdout, result.returncode) == ("['a', 'b c']\n", 4)

    built = atoll.run(
        "run", "--rm", "-q", "--build", "echo built > out", "--exec", "cat out", "python", "show.py"
    )
    assert (built.stdout, built.returncode) == ("built\n", 0)
    failed = atoll.run("run", "--rm", "--build", "exit 9", "--exec", "echo no", "python", "show.py")
    assert (failed.stdout, failed.returncode) == ("", 9)


def test_output_streams_and_input_is_read(atoll):
    """Each line comes when it is printed; what the code asks for comes from standard input."""
    running = atoll.start(
        "run", "--rm", "-qc", "import time\nprint('first', flush=True)\ntime.sleep(600)", "python"
    )
    with running:
        assert running.stdout.readline() == "first\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "KeyboardInterrupt" in said

    asked = atoll.run(
        "run", "--rm", "-qc", "print(input('name? ').upper())", "python", stdin="sea\nleft over\n"
    )
    assert asked.stdout == "name? SEA\n"
    assert atoll.run("ps", "--name-only").stdout == ""


def test_a_crash_of_the_cluster_loses_no_session(atoll):
    """It is told in one line with exit code 3, and the next command finds the session again."""
    code = "import time\nfor i in range(600): print(i, flush=True); time.sleep(0.05)"
    running = atoll.start("run", "-t", "survivor", "-qc", code, "python")
    with running:
        assert running.stdout.readline() == "0\n"
        atoll.kill_cluster()
        _, said = running.communicate(timeout=60)
    assert running.returncode == 3
    assert said.count("\n") == 1
    assert "was lost while the code ran" in said

    assert atoll.run("ps", "--name-only").stdout == "survivor\n"
    assert atoll.run("logs", "survivor").stdout.startswith("0\n1\n")
    assert atoll.run("rm", "survivor").returncode == 0


def test_minding_the_cluster(atoll):
    """Up, status, env, logs, down, reset."""
    assert "does not run" in atoll.run("local", "down").stderr
    assert "answers at http://127.0.0.1:" in atoll.run("local", "up").stderr
    status = json.loads(atoll.run("local", "status", "--output", "json").stdout)
    assert status["status"] == "running"
    assert "bubblewrap" in status["sandbox"] or "plain processes" in status["sandbox"]
    env = atoll.run("local", "env").stdout
    assert f"export BACKEND_ENDPOINT={status['endpoint']}\n" in env
    assert atoll.run("local", "logs").stdout.count("\n") >= 1
    assert atoll.run("profile", "test", "local").returncode == 0

    refused = atoll.run("local", "reset")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert atoll.run("local", "reset", "--yes").returncode == 0
    assert not (atoll.home / "data" / "local").exists()


def test_keys_are_for_their_owner_alone(atoll):
    """A credentials file that others can read is refused."""
    atoll.run("local", "up")
    keys = atoll.home / "data" / "local" / "credentials.json"
    assert keys.stat().st_mode & 0o777 == 0o600
    keys.chmod(0o644)

    refused = atoll.run("ps")
    assert refused.returncode == 2
    assert "others can read it" in refused.stderr
    keys.chmod(0o600)
