"""The official clients of three generations against the embedded cluster: the proof that it speaks
the API, not a dialect of it.
"""

import re

import pytest

pytestmark = pytest.mark.interop


@pytest.fixture
def session(client, official, name, image):
    """A session made by the client; terminated in the end, whatever has become of it."""
    create = ("create",) if client.group else ("start",)
    made = official(*client.group, *create, "-t", name, "-r", "cpu=1", "-r", "mem=512m", image)
    assert made.code == 0, made
    yield name
    official("rm", name)


def test_no_sessions_are_listed_as_none(client, command, embedded_keys, make_program):
    listed = make_program(command, embedded_keys["user"])("ps")
    assert client.no_sessions in listed.out + listed.err
    assert "RUNNING" not in listed.out


def test_code_runs_and_its_session_goes(official, name, image):
    ran = official("run", "--rm", "-t", name, "-c", 'print("six times seven:", 6*7)', image)
    assert ran.code == 0, ran
    assert "six times seven: 42" in ran.out
    assert "Execution finished. (exit code = 0)" in ran.out + ran.err
    assert name not in official("ps").out


def test_a_file_is_uploaded_and_run_by_a_command(official, name, image):
    official.home.mkdir()
    (official.home / "greet.py").write_text("import sys; print('greetings,', *sys.argv[1:])\n")
    command = ["--exec", "python greet.py Ada Grace"]
    ran = official("run", "--rm", "-t", name, *command, image, "greet.py")
    assert ran.code == 0, ran
    assert "greetings, Ada Grace" in ran.out


def test_an_exception_is_shown(official, name, image):
    ran = official("run", "--rm", "-t", name, "-c", "1/0", image)
    assert "ZeroDivisionError: division by zero" in ran.out + ran.err


def test_a_session_is_listed_and_described(client, official, session, image):
    row = next(line for line in official("ps").out.splitlines() if session in line)
    assert "RUNNING" in row
    assert image in row
    session_id = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row).group()
    told = official(*client.group, "info", session_id)
    assert told.code == 0, told
    assert session_id in told.out
    assert "RUNNING" in told.out


def test_a_session_is_used_again_and_logs_what_it_printed(client, official, session, image):
    for code in ("kept = 'from the first run'", "print('kept', kept)"):
        ran = official("run", "-t", session, "-c", code, image)
        assert ran.code == 0, ran
    assert "kept from the first run" in ran.out
    assert "kept from the first run" in official(*client.group, "logs", session).out


def test_a_removed_session_is_among_the_dead(client, official, session):
    removed = official("rm", session)
    assert removed.code == 0, removed
    assert session not in official("ps").out
    listing = (*client.group, "list") if client.group else ("ps",)
    dead = official(*listing, "--dead").out
    assert "TERMINATED" in next(line for line in dead.splitlines() if session in line)


def test_a_sweep_over_the_command(official, name, image):
    official.home.mkdir()
    (official.home / "show.py").write_text("import sys; print('value', sys.argv[1])\n")
    sweep = ["--exec", "python show.py $X", "--exec-range", "X=case:11,22", "-r", "cpu=1"]
    ran = official("run", "--rm", "-t", name, *sweep, image, "show.py")
    assert ran.code == 0, ran
    # The client keeps the output of cases in files below its home.
    logs = [path.read_text().strip() for path in official.home.glob(".cache/**/*.stdout.log")]
    assert sorted(logs) == ["value 11", "value 22"]


def test_files_of_a_session(client, official, session):
    official.home.mkdir(exist_ok=True)
    notes = official.home / "notes.txt"
    notes.write_text("to and fro\n")
    sent = official(*client.group, "upload", session, "notes.txt")
    assert sent.code == 0, sent
    assert "notes.txt" in official(*client.group, "ls", session).out
    notes.unlink()
    fetched = official(*client.group, "download", session, "notes.txt")
    assert fetched.code == 0, fetched
    assert notes.read_text() == "to and fro\n"


def test_events_of_a_session_that_is_restarted(client, official, session):
    with official.started("events", session) as watching:
        # The client does not say when it has begun to listen: things happen until it does.
        for _ in range(20):
            restarted = official(*client.group, "restart", session)
            assert restarted.code == 0, restarted
            if watching.has_printed("session_"):
                break
        assert watching.has_printed("session_")
        watching.interrupt()


def test_the_graph_of_what_a_session_depends_on(client, official, session):
    if not client.group:
        pytest.skip("this client has no such command")
    # It takes the name apart at the hyphens.
    shown = official(*client.group, "show-graph", session)
    assert shown.code == 0, shown
    assert "RUNNING" in shown.out
