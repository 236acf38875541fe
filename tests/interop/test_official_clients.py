"""The official clients of three generations against the embedded cluster: the proof that it speaks
the API, not a dialect of it.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
VENVS = Path(os.environ.get("ATOLL_INTEROP_VENVS") or CACHE / "atoll-interop")


@frozen(kw_only=True)
class Client:
    """A release of the official client, and how it spells things.

    `group` is the word before its commands on sessions, `no_sessions` what it prints where there
    are none.
    """

    release: str
    python: str
    requirements: str
    group: tuple[str, ...] = ()
    no_sessions: str

    def __str__(self) -> str:
        return self.release


CLIENTS = [
    Client(
        release="21.3.11",
        python="3.9",
        requirements="client-21.txt",
        no_sessions="There are no matching sessions.",
    ),
    Client(
        release="23.9.10",
        python="3.11",
        requirements="client-23.txt",
        group=("session",),
        no_sessions="NoItems",  # a mishap of its own, on any cluster
    ),
    Client(
        release="26",
        python="3.13",
        requirements="client-26.txt",
        group=("session",),
        no_sessions="Session ID",  # the header alone
    ),
]


def find_python(version: str) -> Path | None:
    """Find an interpreter of this version on PATH or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [Path(sys.executable), *pyenv.glob(f"versions/{version}.*/bin/python")]
    if on_path := shutil.which(f"python{version}"):
        found.insert(1, Path(on_path))
    return next((python for python in found if _version_of(python) == version), None)


def _version_of(python: Path) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    # pyenv's own stand-ins are found, and fail, where the version is not the one in use.
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def install(client: Client, python: Path) -> Path:
    """Return a client's program, installed in a folder that is kept for the next time."""
    wanted = (HERE / client.requirements).read_bytes()
    venv = VENVS / f"{client.release}-{hashlib.sha256(wanted).hexdigest()[:12]}"
    with _locked(VENVS / f"{venv.name}.lock"):
        complete = venv / "complete"
        if not complete.exists():
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([python, "-m", "venv", venv], check=True)
            _pip(venv, "--requirement", str(HERE / client.requirements))
            complete.touch()
    return venv / "bin" / "backend.ai"


def _pip(venv: Path, *arguments: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    command = [venv / "bin" / "python", "-m", "pip", "install", *quiet, *arguments]
    subprocess.run(command, check=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module", params=CLIENTS, ids=str)
def client(request) -> Client:
    return request.param


@pytest.fixture(scope="module")
def command(client) -> Path:
    python = find_python(client.python)
    if python is None:
        pytest.skip(f"no Python {client.python} on this machine for client {client.release}")
    return install(client, python)


@pytest.fixture
def official(command, embedded, make_program):
    """The client, as the administrator of the embedded cluster."""
    return make_program(command, embedded)


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
