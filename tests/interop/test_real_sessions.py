"""The document's lines about sessions, against the cluster that BACKEND_ENDPOINT names.

As far as its image and two processors allow: sessions are small, and one or two at a time.
"""

import json

import pytest

pytestmark = pytest.mark.interop

SMALL = ("-r", "cpu=1", "-r", "mem=512m")
FIELDS = (
    "id,status,status_info,created_at,last_updated,result,image,type,task_id,tag,"
    "occupied_slots,used_memory,max_used_memory,cpu_using"
)


@pytest.fixture
def atoll(endpoint, make_program):
    """The shell by its documented name, facing the cluster."""
    return make_program("backend.ai", endpoint)


@pytest.fixture
def session(atoll, name, image):
    """A running session; one that finds no room is not waited for."""
    started = atoll("start", "-t", name, *SMALL, "--max-wait", "30", image)
    try:
        if started.code == 124:
            pytest.skip("the cluster is full")
        assert started.code == 0, started
        yield name
    finally:
        atoll("rm", name)


def test_listing(atoll, session):
    """By both names, in all sets of fields."""
    for command in (["ps"], ["admin", "sessions"], ["ps", "--running"], ["ps", "--detail"]):
        shown = atoll(*command)
        assert (shown.code, session in shown.out) == (0, True), shown
    assert session not in atoll("ps", "--dead").out
    shown = atoll("admin", "session", "--format", "id,status,cpu_using")
    assert shown.out.splitlines()[0].split("  ")[0] == "Session ID"
    every = atoll("ps", "-f", FIELDS, "--output", "json")
    assert len(json.loads(every.out)["items"][0]) == len(FIELDS.split(","))


def test_a_file_with_arguments(atoll, session, image):
    """In a session that is there."""
    atoll.home.mkdir(exist_ok=True)
    (atoll.home / "myscript.py").write_text("import sys; print(sys.argv[1:])")
    command = ["--exec", "python3 myscript.py arg1 arg2"]
    ran = atoll("run", "-t", session, *command, image, "./myscript.py")
    assert (ran.code, ran.out) == (0, "['arg1', 'arg2']\n"), ran


def test_a_sweep_over_the_environment(atoll, session, image):
    """One case at a time, each with its own value, in the room that a session has left."""
    assert atoll("rm", session).code == 0
    code = 'import os; print("Hello world, {}".format(os.environ["CASENO"]))'
    options = ["-e", "CASENO=$X", "--env-range=X=case:1,2", "--max-parallel=1", "--rm"]
    ran = atoll("run", "-c", code, *SMALL, *options, image)
    assert ran.code == 0, ran
    assert {f"[{n}/2 X={n}] Hello world, {n}" for n in "12"} <= set(ran.out.splitlines())


def test_events_until_the_end(atoll, session):
    """The stream ends with the session."""
    with atoll.started("events", session, "--output", "jsonl") as watching:
        watching.wait_for("watching until the session ends", "err")
        assert atoll("rm", session).code == 0
        seen = watching.finish()
    events = [json.loads(line)["event"] for line in seen.out.splitlines()]
    assert (seen.code, events[-1]) == (0, "session_terminated")


def test_files_there_and_back(atoll, session):
    """Folders too."""
    folder = atoll.home / "data"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("from here")
    assert atoll("upload", session, "data").code == 0
    listed = atoll("ls", session, "data", "--output", "json")
    assert [entry["filename"] for entry in json.loads(listed.out)["items"]] == ["a.txt"]
    got = atoll("download", session, "data", "--dest", "back")
    assert got.code == 0, got
    assert (atoll.home / "back" / "data" / "a.txt").read_text() == "from here"


def test_a_queue_is_explained(atoll, session, image):
    """More than is left is waited for, and cancelled."""
    waited = atoll("start", "-t", f"{session}-q", "-r", "cpu=2", "--max-wait", "5", image)
    cancelled = atoll("rm", f"{session}-q")
    assert waited.code == 124
    assert f"session {session}-q is PENDING" in waited.err
    assert "it needs cpu 2" in waited.err
    assert "stays queued" in waited.err
    assert cancelled.code == 0


def test_a_restart_that_fails_is_told(atoll, session, image):
    """Of 23.09 the agent fails in it; whoever succeeds has an interpreter without a past."""
    assert atoll("run", "-t", session, "-c", "x = 1", image).code == 0
    restarted = atoll("restart", session)
    if restarted.code == 0:
        asked = atoll("run", "-t", session, "-c", "print('x' in dir())", image)
        assert asked.out == "False\n"
    else:
        assert restarted.err.count("\n") == 1
        assert "restart" in restarted.err


BINARY = bytes(range(256)) * 10
ASKS = """
try:
    while True:
        print(input("? "))
except EOFError:
    print("end")
"""


PIPED = [
    (["--exec", "wc -l"], b"a\nb\n", "2\n"),
    (["--exec", "cat; echo end"], b"", "end\n"),
    (["--exec", "sort"], b"b\na\n", "a\nb\n"),
    (["--exec", 'while read x; do echo "<$x>"; done'], b"1\n2\n", "<1>\n<2>\n"),
    (["--exec", "python3 -"], b"print(6 * 7)", "42\n"),
    (["--exec", "python3 -c 'print(input(), input())'"], b"x\ny\n", "x y\n"),
    (["--exec", "head -1; exit 7"], b"first\n" + b"x" * 3_000_000, "first\n"),
    (["--exec", "od -An -tx1 -v | tr -d ' \\n'"], BINARY, BINARY.hex()),
    (["--exec", "wc -c; ls -A | grep -c atoll-input"], b"x" * 3_000_000, "3000000\n0\n"),
    (["-c", "import sys; print(repr(sys.stdin.read()))"], b"a\nb", "'a\\nb'\n"),
    (["-c", "import sys\nfor l in sys.stdin: print(l, end='')"], b"a\nb\n", "a\nb\n"),
    (["-c", ASKS], b"a\nb\n", "? a\n? b\n? end\n"),
    (["-c", ASKS], b"", "? end\n"),
    (["-c", "import sys; print(len(sys.stdin.buffer.read()))"], BINARY, "2560\n"),
]


def test_what_is_piped_in_is_read_to_its_end(atoll, session, image):
    """By clusters that have a word for it, and as a file by those that have none."""
    for what, data, printed in PIPED:
        ran = atoll("run", "-q", "-t", session, *what, image, stdin=data)
        # Slow machines have the time to say that they wait for its end.
        told = [line for line in ran.err.splitlines() if "waiting for the end" not in line]
        assert (ran.out, told) == (printed, []), what


def test_code_that_asks_without_an_input_ends(atoll, session, image):
    """Be it a debugger, which takes an interrupt for a reason to ask again."""
    for code in ("breakpoint()", "input()"):
        assert atoll("run", "-q", "-t", session, "-c", code, image).code in (0, 1)


def test_input_for_files_that_run_by_themselves_is_refused_if_it_has_to_be(atoll, session, image):
    """Not passed over."""
    atoll.home.mkdir(exist_ok=True)
    (atoll.home / "main.py").write_text("import sys; print(sys.stdin.read())")
    (atoll.home / "other.py").write_text("")
    ran = atoll("run", "-q", "-t", session, image, "main.py", "other.py", stdin=b"data")
    assert (ran.code, ran.out) == (0, "data\n") or (ran.code == 1 and "--exec" in ran.err), ran


@pytest.mark.parametrize(
    "script", ["echo made > made", "printf 'made\\n' > made\n", "#!/bin/sh\n:"]
)
def test_a_bootstrap_script_runs(atoll, name, image, script):
    """It goes as the text that it is."""
    atoll.home.mkdir(exist_ok=True)
    (atoll.home / "boot.sh").write_text(script)
    code = "import os; print(open('made').read() if os.path.exists('made') else '')"
    options = ["--rm", "-q", "-t", name, *SMALL, "--bootstrap-script", "boot.sh"]
    ran = atoll("run", *options, "--max-wait", "60", "-c", code, image)
    assert ran.out.strip() == ("made" if "made" in script else ""), ran


def test_a_bootstrap_script_that_fails_is_told(atoll, name, image):
    """An error where that was asked for."""
    atoll.home.mkdir(exist_ok=True)
    (atoll.home / "boot.sh").write_text("echo no such luck >&2; exit 5")
    options = ["-q", "-t", name, *SMALL, "--bootstrap-script", "boot.sh", "--max-wait", "60"]
    ran = atoll("run", "--rm", *options, "-c", "print('ran')", image)
    assert (ran.out, "exit code 5: no such luck" in ran.err) == ("ran\n", True), ran
    strict = atoll("run", "--rm", "--strict", *options, "-c", "print('ran')", image)
    assert (strict.code, strict.out) == (1, ""), strict
