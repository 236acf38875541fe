"""The lines of the user's document about sessions, as it has them, under the name it gives."""

import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.slow

DOCUMENT = r"""
backend.ai ps
backend.ai admin sessions
backend.ai admin session --format id,status,cpu_using
backend.ai run --rm -c 'print("hello world")' python:3.6-ubuntu18.04
backend.ai run --rm --exec 'python myscript.py arg1 arg2' \
             python:3.6-ubuntu18.04 ./myscript.py
backend.ai events <sessionID>
backend.ai run --rm \
             -r cpu=4 -r mem=8g -r cuda.shares=2 \
             python-tensorflow:1.12-py36 ./mygpucode.py
backend.ai rm <sessionID> [<sessionID>...]
backend.ai admin [command]
backend.ai run -c 'import os; print("Hello world, {}".format(os.environ["CASENO"]))' \
      -r cpu=1 -r mem=256m \
      -e 'CASENO=$X' \
      --env-range=X=case:1,2,3,4 \
      lablup/python:3.6-ubuntu18.04
"""
LINES = DOCUMENT.replace("\\\n", " ").strip().splitlines()


@pytest.fixture(scope="module")
def generous(shared):
    """A cluster of four processors and four GPU shares, simulated: the lines ask for them."""
    up = shared.run("local", "up", "--slots", "cpu=4,mem=16g,cuda.shares=4")
    assert (up.returncode, "it simulates cpu 4" in up.stderr) == (0, True), up.stderr
    return shared


@pytest.fixture(scope="module")
def typed():
    """The lines of the document that were typed so far."""
    return set()


@pytest.fixture
def type_line(generous, typed, tmp_path, monkeypatch):
    """Run a line as a terminal's shell would; sessions left over are removed."""
    monkeypatch.chdir(tmp_path)

    def run(line):
        program, *words = shlex.split(line)
        return generous.run(*words, program=program)

    def run_documented(start, **placeholders):
        """Run the one line of the document that starts like this, its placeholders filled in."""
        (line,) = (line for line in LINES if line.startswith(start))
        typed.add(line)
        for name, text in PLACEHOLDERS.items():
            line = line.replace(text, placeholders.get(name, text))
        return run(line)

    run_documented.other = run
    yield run_documented
    if left := run("backend.ai ps --name-only").stdout.split():
        run(f"backend.ai rm {' '.join(left)}")


PLACEHOLDERS = {"more": "[<sessionID>...]", "session": "<sessionID>", "command": "[command]"}


def test_running_code(type_line, tmp_path):
    """A snippet, a file with arguments, and code that asks for an accelerator."""
    (tmp_path / "myscript.py").write_text("import sys; print(sys.argv[1:])")
    (tmp_path / "mygpucode.py").write_text("import os; print(os.cpu_count() is not None)")

    assert type_line("backend.ai run --rm -c").stdout == "hello world\n"
    assert type_line("backend.ai run --rm --exec").stdout == "['arg1', 'arg2']\n"
    accelerated = type_line("backend.ai run --rm   ")
    assert (accelerated.stdout, accelerated.returncode) == ("True\n", 0)
    assert "python-tensorflow:1.12-py36 is served by python:3." in accelerated.stderr


def test_a_sweep_over_the_environment(type_line):
    """Four sessions, each with a value of its own."""
    result = type_line("backend.ai run -c")

    for case in "1234":
        assert f"Hello world, {case}\n" in result.stdout
    assert result.returncode == 0
    assert "lablup/python:3.6-ubuntu18.04 is served by python:3." in result.stderr


def test_listing_and_watching(type_line):
    """The lists by both names, the fields by theirs, and the events of a session's end."""
    assert type_line.other("backend.ai start -t mysession python").returncode == 0
    assert "mysession" in type_line("backend.ai ps").stdout
    assert "mysession" in type_line("backend.ai admin sessions").stdout
    header = type_line("backend.ai admin session --format").stdout.splitlines()[0]
    assert header.split("  ")[0] == "Session ID"
    assert "CPU Using (%)" in header
    assert "sessions" in type_line("backend.ai admin [", command="--help").stdout

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(type_line, "backend.ai events", session="mysession")
        assert type_line.other("backend.ai wait mysession").returncode == 0
        assert type_line.other("backend.ai rm mysession").returncode == 0
    seen = watching.result()
    # Whoever looks too late is told so; whoever is in time sees the end.
    assert "session_terminated" in seen.stdout or "TERMINATED" in seen.stderr
    assert seen.returncode == 0


def test_several_are_terminated_at_once(type_line):
    """A queued one is cancelled."""
    for name in ("first", "second"):
        type_line.other(f"backend.ai start -t {name} -r cpu=2 python")
    queued = type_line.other("backend.ai start --enqueue-only -t third -r cpu=2 python")
    assert queued.returncode == 0

    result = type_line("backend.ai rm", session="third", more="first second")

    assert "session third is cancelled" in result.stderr
    assert type_line.other("backend.ai ps --name-only").stdout == ""
    dead = type_line.other("backend.ai ps --dead -f name,status --output csv").stdout.split()
    assert {"first,TERMINATED", "second,TERMINATED", "third,CANCELLED"} <= set(dead)


def test_the_sets_of_statuses(type_line):
    """As the document's table has them."""
    run = type_line.other
    for name in ("busy", "gone"):
        run(f"backend.ai start -t {name} -r cpu=2 python")
    for name in ("waiting", "called-off"):
        run(f"backend.ai start --enqueue-only -t {name} -r cpu=4 python")
    run("backend.ai rm gone called-off")
    sets = {"": "busy waiting", "--running": "busy", "--dead": "gone called-off"}

    for command in ("ps", "admin sessions"):
        for option, names in sets.items():
            shown = run(f"backend.ai {command} --all --name-only {option}").stdout.split()
            everything = {"busy", "waiting", "gone", "called-off"}
            assert everything & set(shown) == set(names.split())


def test_the_sets_of_fields(type_line):
    """As the document's table has them, and each that it names is known."""
    run = type_line.other
    run("backend.ai start -t mysession python")
    usual = "Session ID,Owner,Image,Type,Status,Status Info,Last updated,Result"
    detail = "Tag,Created At,Occupied Resource,Used Memory (MiB),Max Used Memory (MiB)"
    fields = (
        "id,status,status_info,created_at,last_updated,result,image,type,task_id,tag,"
        "occupied_slots,used_memory,max_used_memory,cpu_using"
    )

    def header(line):
        return [word.strip() for word in run(line).stdout.splitlines()[0].split("  ") if word]

    assert set(usual.split(",")) <= set(header("backend.ai ps"))
    assert {*usual.split(","), *detail.split(","), "CPU Using (%)"} <= set(
        header("backend.ai ps --detail")
    )
    assert len(header(f"backend.ai ps --format {fields}")) == len(fields.split(","))
    plain = run("backend.ai ps --plain -f name,status").stdout
    assert plain.split() == ["mysession", "RUNNING"]


def test_nothing_of_the_document_is_left_out(request, typed):
    """Each of its lines was typed by one of the tests before this one."""
    here = [
        item.name.partition("[")[0] for item in request.session.items if item.path == request.path
    ]
    if not {"test_running_code", "test_several_are_terminated_at_once"} <= set(here):
        pytest.skip("some of the tests are left out")
    assert set(LINES) == typed
