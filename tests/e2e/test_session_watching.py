"""Watching sessions of the embedded cluster: events, logs as they come, waiting, newer names."""

import json
import signal
from uuid import uuid4

import pytest

pytestmark = pytest.mark.slow

# The session tells that it is under way by a file, and ends when it finds another one.
UNTIL_TOLD = "echo began; until [ -e go ]; do sleep 0.05; done; echo 'and ended'; exit 3"


@pytest.fixture
def batch(shared):
    """A batch session that runs until a file called `go` is uploaded to it."""
    name = f"batch-{uuid4().hex[:8]}"
    options = ["--type", "batch", "-c", UNTIL_TOLD, "-t", name]
    assert shared.run("start", *options, "python").returncode == 0
    yield name
    shared.run("rm", name)


@pytest.fixture
def tell(shared, batch, tmp_path):
    """Return the function that lets the session end."""
    (tmp_path / "go").touch()
    return lambda: shared.run("upload", batch, str(tmp_path / "go"))


def test_logs_are_followed_to_the_end(shared, batch, tell):
    """Each line comes as it is printed, and the command ends with the session."""
    with shared.start("logs", "--follow", batch) as following:
        assert following.stdout.readline() == "began\n"
        tell()
        rest, said = following.communicate(timeout=60)

    assert (rest, said, following.returncode) == ("and ended\n", "", 0)
    assert shared.run("logs", "-f", batch).stdout == "began\nand ended\n"


def test_events_are_shown_to_the_end(shared, batch, tell):
    """Live, in the format asked for; of a session that has ended there are none to come."""
    with shared.start("events", batch, "--output", "jsonl") as watching:
        assert watching.stderr.readline().startswith("watching until the session ends")
        tell()
        lines, _ = watching.communicate(timeout=60)

    events = [json.loads(line) for line in lines.splitlines()]
    assert watching.returncode == 0
    assert events[-1]["event"] == "session_terminated"
    (failure,) = [event for event in events if event["event"] == "session_failure"]
    assert (failure["reason"], failure["exit_code"]) == ("task-failed", 3)

    later = shared.run("events", batch)
    assert later.returncode == 0
    assert "has ended already; it is TERMINATED" in later.stderr


@pytest.mark.parametrize(("command", "mark"), [("events", "Time"), ("logs --follow", "began")])
def test_ctrl_c_leaves_the_session_alone(shared, batch, command, mark):
    """And has the exit code that it has everywhere."""
    with shared.start(*command.split(), batch) as following:
        assert following.stdout.readline().startswith(mark)
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=60)

    assert following.returncode == 130, said
    assert shared.run("wait", batch).stderr == f"session {batch} is RUNNING\n"


def test_waiting(shared, batch, tell):
    """For what is, what comes, and what can't come any more."""
    assert shared.run("wait", batch).stderr == f"session {batch} is RUNNING\n"
    assert shared.run("wait", batch, "--for", "terminated", "--max-wait", "1").returncode == 124
    refused = shared.run("wait", batch, "--for", "finished")
    assert (refused.returncode, "known: PENDING" in refused.stderr) == (2, True)

    with shared.start("wait", batch, "--for", "Terminated") as waiting:
        tell()
        _, said = waiting.communicate(timeout=60)
    told = f"session {batch} is TERMINATED; its job has ended with exit code 3\n"
    assert (waiting.returncode, said) == (3, told)
    late = shared.run("wait", batch)
    assert (late.returncode, late.stderr.count("\n")) == (3, 1)


def test_the_log_of_a_task_is_shown(shared, batch, tell):
    """By the id that `ps` tells."""
    tell()
    assert shared.run("wait", batch, "--for", "TERMINATED").returncode == 3
    this = ("--filter", f'name == "{batch}"')
    task = shared.run("ps", "--dead", "-f", "task_id", "--plain", *this).stdout.strip()
    assert shared.run("task-logs", task).stdout == "began\nand ended\n"


def test_newer_names_do_the_same(atoll):
    """Those of clients since 23.09, beside the older ones."""
    script = """
        session create -t sess python
        session list --name-only
        session rename sess other
        admin session list --name-only
        session destroy other
    """
    ran = atoll.run(stdin=script)
    assert (ran.returncode, ran.stdout) == (0, "sess\nother\n"), ran.stderr
    assert "session info" not in atoll.run("session", "--help").stdout
    assert "Same as atoll ps" in atoll.run("session", "--help").stdout


def test_a_restart_forgets_what_ran(shared):
    """One of two that do not exist is told, after the other was restarted."""
    assert shared.run("run", "-q", "-t", "sess", "-c", "x = 1", "python").returncode == 0
    restarted = shared.run("restart", "sess", "nobody")

    assert "session sess runs again" in restarted.stderr
    assert "nobody" in restarted.stderr.splitlines()[-1]
    assert restarted.returncode == 5
    forgotten = shared.run("run", "-q", "-t", "sess", "-c", "print('x' in dir())", "python")
    assert forgotten.stdout == "False\n"
