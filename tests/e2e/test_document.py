"""The lines of the user's document about sessions, as it has them, under the name it gives."""

import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.slow

LINES = {
    "code": """backend.ai run --rm -c 'print("hello world")' python:3.6-ubuntu18.04""",
    "file": (
        "backend.ai run --rm --exec 'python myscript.py arg1 arg2' "
        "python:3.6-ubuntu18.04 ./myscript.py"
    ),
    "accelerated": (
        "backend.ai run --rm -r cpu=4 -r mem=8g -r cuda.shares=2 "
        "python-tensorflow:1.12-py36 ./mygpucode.py"
    ),
    "sweep": (
        """backend.ai run -c 'import os; print("Hello world, {}".format(os.environ["CASENO"]))' """
        "-r cpu=1 -r mem=256m -e 'CASENO=$X' --env-range=X=case:1,2,3,4 "
        "lablup/python:3.6-ubuntu18.04"
    ),
    "format": "backend.ai admin session --format id,status,cpu_using",
}


@pytest.fixture(scope="module")
def generous(shared):
    """A cluster of four processors and four GPU shares, pretended: the lines ask for them."""
    data = shared.home / "data" / "local"
    program = [sys.executable, "-m", "atoll_local", "--data", data, "--log-file"]
    devices = ["--cpus", "4", "--memory", "16g", "--mock", "cuda.shares=4"]
    with subprocess.Popen([*program, *devices], stdin=subprocess.DEVNULL) as cluster:
        deadline = time.monotonic() + 30
        while not (data / "server.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield shared
        cluster.terminate()


@pytest.fixture
def type_line(generous, tmp_path, monkeypatch):
    """Run a line as a terminal's shell would; sessions left over are removed."""
    monkeypatch.chdir(tmp_path)

    def run(line):
        program, *words = shlex.split(line)
        return generous.run(*words, program=program)

    yield run
    if left := run("backend.ai ps --name-only").stdout.split():
        run(f"backend.ai rm {' '.join(left)}")


def test_running_code(type_line, tmp_path):
    """A snippet, a file with arguments, and code that asks for an accelerator."""
    (tmp_path / "myscript.py").write_text("import sys; print(sys.argv[1:])")
    (tmp_path / "mygpucode.py").write_text("import os; print(os.cpu_count() is not None)")

    assert type_line(LINES["code"]).stdout == "hello world\n"
    assert type_line(LINES["file"]).stdout == "['arg1', 'arg2']\n"
    accelerated = type_line(LINES["accelerated"])
    assert (accelerated.stdout, accelerated.returncode) == ("True\n", 0)
    assert "python-tensorflow:1.12-py36 is served by python:3." in accelerated.stderr


def test_a_sweep_over_the_environment(type_line):
    """Four sessions, each with a value of its own."""
    result = type_line(LINES["sweep"])

    for case in "1234":
        assert f"Hello world, {case}\n" in result.stdout
    assert result.returncode == 0
    assert "lablup/python:3.6-ubuntu18.04 is served by python:3." in result.stderr


def test_listing_and_watching(type_line):
    """The lists by both names, the fields by theirs, and the events of a session's end."""
    assert type_line("backend.ai start -t mysession python").returncode == 0
    assert "mysession" in type_line("backend.ai ps").stdout
    assert "mysession" in type_line("backend.ai admin sessions").stdout
    header = type_line(LINES["format"]).stdout.splitlines()[0]
    assert header.split("  ")[0] == "Session ID"
    assert "CPU Using (%)" in header

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(type_line, "backend.ai events mysession --output jsonl")
        assert type_line("backend.ai wait mysession").returncode == 0
        assert type_line("backend.ai rm mysession").returncode == 0
    seen = watching.result()
    # Whoever looks too late is told so; whoever is in time sees the end.
    assert "session_terminated" in seen.stdout or "TERMINATED" in seen.stderr
    assert seen.returncode == 0


def test_several_are_terminated_at_once(type_line):
    """A queued one is cancelled."""
    for name in ("first", "second"):
        type_line(f"backend.ai start -t {name} -r cpu=2 python")
    queued = type_line("backend.ai start --enqueue-only -t third -r cpu=2 python")
    assert queued.returncode == 0

    result = type_line("backend.ai rm third first second")

    assert "session third is cancelled" in result.stderr
    assert type_line("backend.ai ps --name-only").stdout == ""
    dead = type_line("backend.ai ps --dead -f name,status --output csv").stdout.split()
    assert {"first,TERMINATED", "second,TERMINATED", "third,CANCELLED"} <= set(dead)
