"""Sessions that end otherwise than planned: without memory, or by Ctrl-C at a terminal."""

import json
import signal
import subprocess
import time

import pexpect
import pytest

pytestmark = pytest.mark.slow

SMALL = ["-r", "cpu=0.1", "-r", "mem=256m"]


@pytest.fixture
def at_a_terminal(shared):
    """Return the function that starts the program on a terminal of its own."""
    started = []

    def start(*words):
        environ = {**shared.environ(), "TERM": "xterm"}
        child = pexpect.spawn(
            str(shared.program()),
            list(words),
            env=environ,
            dimensions=(24, 100),
            encoding="utf-8",
            timeout=60,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def names(shared):
    """Return the names of the sessions that are there."""
    return shared.run("ps", "--name-only").stdout.split()


@pytest.mark.parametrize(
    "code",
    [
        ["-c", "held = [bytearray(10 << 20) for _ in range(100)]"],
        ["--exec", "python -c 'bytearray(1 << 30)'"],
    ],
)
def test_too_much_memory(shared, code):
    """The session is killed, and says why; the cluster and other sessions go on."""
    assert shared.run("run", "-t", "modest", "-q", *SMALL, "-c", "x = 1", "python").returncode == 0
    greedy = shared.run("run", "-t", "greedy", "-q", *SMALL, *code, "python")

    assert greedy.returncode == 137
    assert "out of memory: it was given 256 MiB" in greedy.stderr
    newest = ["--dead", "-f", "id", "--plain", "--filter", 'name == "greedy"']
    session = shared.run("ps", *newest).stdout.split()[0]
    info = json.loads(shared.run("info", session, "--output", "jsonl").stdout)
    assert (info["status"], info["status_info"]) == ("TERMINATED", "out-of-memory")
    assert info["status_data"]["memory"]["limit"] == 256 << 20
    assert info["max_used_memory"] > 200
    assert shared.run("run", "-t", "modest", "-qc", "print(x)", "python").stdout == "1\n"
    assert names(shared) == ["modest"]
    shared.run("rm", "modest")


@pytest.mark.parametrize("how", ["a snippet", "a command"])
def test_ctrl_c_at_a_terminal(shared, at_a_terminal, how):
    """The code is interrupted, and its session goes with --rm."""
    endless = "import time; print('begun', flush=True); time.sleep(1000)"
    code = ["-c", endless] if how == "a snippet" else ["--exec", f'python -c "{endless}"']
    child = at_a_terminal("run", "--rm", *SMALL, *code, "python")
    child.expect_exact("begun")
    child.sendintr()
    child.expect_exact("KeyboardInterrupt")
    child.expect(pexpect.EOF)
    child.wait()

    assert child.exitstatus == 130
    assert names(shared) == []


def test_ctrl_c_lets_go_of_what_does_not_listen(shared, at_a_terminal):
    """At the second press, since code may take no notice of the first."""
    code = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: print('not me', flush=True))
print('begun', flush=True)
while True: time.sleep(1)
"""
    child = at_a_terminal("run", "--rm", *SMALL, "-c", code, "python")
    child.expect_exact("begun")
    child.sendintr()
    child.expect_exact("not me")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.wait()

    assert child.exitstatus == 130
    assert names(shared) == []


def test_ctrl_c_while_the_session_starts(shared, tmp_path):
    """With --rm it is removed all the same, as soon as its cluster allows it."""
    (tmp_path / "slow.sh").write_text("sleep 2")
    slow = ["--bootstrap-script", str(tmp_path / "slow.sh")]
    with shared.start("run", "-t", "early", "--rm", *SMALL, *slow, "-c", "1", "python") as running:
        deadline = time.monotonic() + 60
        while "PREPARING" not in shared.run("ps", "-f", "status", "--plain").stdout:
            assert time.monotonic() < deadline
        running.send_signal(signal.SIGINT)
        out, said = running.communicate(timeout=60)

    assert (out, running.returncode) == ("", 130)
    assert "could not" not in said
    assert names(shared) == []


def test_ctrl_c_ends_a_sweep_at_a_terminal(shared, at_a_terminal):
    """And its sessions; it says how to go on."""
    ranges = ["--exec", "test $X -gt 1 || exec sleep 1000", "--exec-range=X=range:0,4,1"]
    child = at_a_terminal("run", "--rm", *SMALL, *ranges, "python")
    child.expect_exact("2 running")
    child.sendintr()
    child.expect(r"atoll sweep resume s-[0-9a-f]+")
    child.expect(pexpect.EOF)
    child.wait()

    assert child.exitstatus == 130
    assert names(shared) == []


def test_what_has_ended_is_told_from_what_never_was(shared):
    """By its name and by its id."""
    assert shared.run("start", "-t", "brief", *SMALL, "python").returncode == 0
    session = json.loads(shared.run("info", "brief", "--output", "jsonl").stdout)["id"]
    assert shared.run("rm", "brief").returncode == 0
    for words in (["rm", "brief"], ["ls", session], ["rename", "brief", "other"]):
        refused = shared.run(*words)
        assert refused.returncode == 5
        assert refused.stderr == "atoll: session brief has ended (atoll info brief)\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_killed_run_leaves_no_session_behind(shared, number):
    r"""As `timeout`, a closed window and Ctrl-\ kill it; it still dies of that signal."""
    code = "print('on', flush=True); import time; time.sleep(100)"
    words = ["run", "--rm", "-t", "killed", *SMALL, "-c", code, "python"]
    with subprocess.Popen(
        [shared.program(), *words], env=shared.environ(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "on\n"
        process.send_signal(number)
        assert process.wait(30) == -number
    assert "killed" not in names(shared)


def test_what_runs_in_a_session_heeds_signals_that_the_cluster_does_not(atoll):
    """A cluster that was started under `nohup`, or in the background, ignores some."""
    ignoring = "trap '' HUP INT; exec \"$0\" local up"
    subprocess.run(
        ["sh", "-c", ignoring, atoll.program()],
        env=atoll.environ(),
        check=True,
        capture_output=True,
    )
    dying = "s.run(['sh', '-c', f'kill -{n} $$']).returncode"
    code = f"import subprocess as s; print([{dying} for n in (1, 2)])"
    ran = atoll.run("run", "--rm", *SMALL, "-c", code, "python")
    assert ran.stdout == "[-1, -2]\n", ran


def test_ctrl_c_ends_a_script_that_waits_for_its_next_line(shared):
    """With what it has sent to the background, and without another word."""
    line = 'run --rm -q -t asleep -r cpu=0.1 -r mem=256m -c "import time; time.sleep(100)" python &'
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([shared.program()], env=shared.environ(), text=True, **pipes) as script:
        script.stdin.write(f"{line}\n")
        script.stdin.flush()
        for _ in range(100):
            if "asleep" in names(shared):
                break
        script.send_signal(signal.SIGINT)
        assert script.wait(30) == 130
        assert "Traceback" not in script.stderr.read()
    assert "asleep" not in names(shared)


@pytest.mark.parametrize(
    "arguments", [["-c", "1"], ["--exec", "true", "--exec-range", "X=case:1,2"]], ids=str
)
def test_sessions_that_fail_at_their_start_are_removed(atoll, arguments):
    assert atoll.run("admin", "images").returncode == 0  # they are looked for in that folder
    kernels = atoll.home / "data" / "local" / "kernels"
    kernels.rename(kernels.with_name("away"))
    kernels.touch()
    failed = atoll.run("run", "--rm", *arguments, "python")
    assert (failed.returncode, "cannot create the kernel's folder" in failed.stderr) == (1, True)
    assert "could not be terminated" not in failed.stderr
    assert json.loads(atoll.run("ps", "--output", "json").stdout) == []
