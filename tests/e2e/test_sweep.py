"""Sweeps on the embedded cluster, and what may happen to them on the way."""

import json
import os
import re
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

pytestmark = pytest.mark.slow
DEADLINE = 60.0
SWEEP = re.compile(r"sweep (s-[0-9a-f]+)")


def wait_for(condition, what):
    """Wait until something is true that another process makes true; returns it."""
    give_up = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < give_up, f"{what} did not happen in {DEADLINE} s"
        time.sleep(0.05)
    return found


def rows(atoll, *arguments):
    """Return the records that a command writes."""
    result = atoll.run(*arguments, "--output", "json")
    return json.loads(result.stdout)


def newest(atoll):
    """Return the newest sweep as `sweep list` has it, or None."""
    return next(iter(rows(atoll, "sweep", "list")), None)


def living(atoll):
    """Return the names of living sessions."""
    return atoll.run("ps", "--name-only", "--all").stdout.split()


def test_all_combinations_of_the_documented_ranges(atoll):
    """Six cases, labelled; the summary has the parameters as columns."""
    line = ["run", "--rm", "--exec", "echo $X-$Y:$Z", "-e", "Z=<$Y>"]
    ranges = ["--exec-range=X=linspace:1,2,3", "--env-range=Y=case:a,b"]
    result = atoll.run(*line, *ranges, "python")

    labelled = [one for one in result.stdout.splitlines() if one.startswith("[")]
    assert sorted(labelled) == [
        f"[{number}/6 X={x} Y={y}] {x}-:<{y}>"
        for number, (x, y) in enumerate(((x, y) for x in ("1", "1.5", "2") for y in "ab"), 1)
    ]
    assert result.returncode == 0
    assert living(atoll) == []

    table = atoll.run(*line, "--exec-range=X=range:1,6,2", "python", "--output", "csv").stdout
    header, *cases = table.splitlines()
    assert header == "X,status,exit_code,elapsed,session,case,error"
    assert [case.split(",")[:3] for case in cases] == [[x, "done", "0"] for x in "135"]


def test_the_document_s_own_example(atoll):
    """Word for word, on a machine that may hold fewer sessions than it leaves behind; twice.

    What one sweep leaves is not the other's to end.
    """
    line = [
        "run", "-c", 'import os; print("Hello world, {}".format(os.environ["CASENO"]))',
        "-r", "cpu=1", "-r", "mem=256m", "-e", "CASENO=$X", "--env-range=X=case:1,2,3,4",
        "lablup/python:3.6-ubuntu18.04",
    ]  # fmt: skip
    for _ in range(2):
        result = atoll.run(*line, program="backend.ai")
        labelled = [one for one in result.stdout.splitlines() if one.startswith("[")]
        assert sorted(labelled) == [f"[{n}/4 X={n}] Hello world, {n}" for n in "1234"]
        assert result.returncode == 0
        kept = [name for name in living(atoll) if name.startswith("s-")]
        assert kept
        assert atoll.run("rm", *kept).returncode == 0


def test_failures_stop_nothing_and_can_be_run_again(atoll, tmp_path, monkeypatch):
    """The exit code tells; what was uploaded is kept for later; output is kept by case."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.txt").write_text("3")
    command = "echo out $X; echo err $X >&2; exit $(($X % 2 * $(cat code.txt)))"
    line = ["run", "--rm", "-t", "exp", "--exec", command, "--exec-range=X=range:1,5,1"]
    result = atoll.run(*line, "--out", "kept", "python", "code.txt")

    assert result.returncode == 1
    assert "[" not in result.stdout
    assert (tmp_path / "kept" / "0003.out").read_text() == "out 3\n"
    assert (tmp_path / "kept" / "0003.err").read_text() == "err 3\n"
    sweep = newest(atoll)
    assert (sweep["status"], sweep["done"], sweep["failed"]) == ("failed", 2, 2)
    status = rows(atoll, "sweep", "status")
    assert [row["exit_code"] for row in status] == [3, 0, 3, 0]
    assert [row["session"] for row in status] == [f"exp-000{n}" for n in (1, 2, 3, 4)]

    (tmp_path / "code.txt").write_text("0")
    again = atoll.run("sweep", "retry-failed", sweep["id"], "--output", "csv")
    assert again.returncode == 1
    assert "[2/4" not in again.stderr
    assert "[3/4 X=3] ended with exit code 3" in again.stderr
    assert atoll.run("sweep", "logs", sweep["id"], "3").stdout == "out 3\n"
    logs = atoll.run("sweep", "logs", sweep["id"])
    assert logs.stdout.splitlines() == [f"[{n}/4 X={n}] out {n}" for n in (1, 2, 3, 4)]
    assert logs.stderr.splitlines() == [f"[{n}/4 X={n}] err {n}" for n in (1, 2, 3, 4)]


def test_a_killed_sweep_is_resumed(atoll):
    """SIGKILL in the middle: each case has run to its end exactly once in the summary, nothing
    that had ended runs again, and no session is left.
    """
    line = ["run", "--rm", "--exec", "echo $X", "--exec-range=X=range:0,16,1", "python"]
    running = atoll.start(*line)
    with running:
        sweep = wait_for(
            lambda: (one := newest(atoll)) and one["done"] >= 4 and one, "the fourth case"
        )
        running.kill()
        running.communicate()
    before = newest(atoll)
    assert before["status"] == "interrupted"
    assert before["done"] < 16

    resumed = atoll.run(*line[:-1], "--resume", "--output", "csv", "python")
    cases = [case.split(",") for case in resumed.stdout.splitlines()[1:]]
    assert [case[:3] for case in cases] == [[str(n), "done", "0"] for n in range(16)]
    assert resumed.returncode == 0
    assert resumed.stderr.count("] done") == 16 - before["done"]
    assert living(atoll) == []
    logs = atoll.run("sweep", "logs", sweep["id"]).stdout.splitlines()
    assert sorted(int(one.split()[-1]) for one in logs) == list(range(16))
    assert atoll.run("sweep", "resume", sweep["id"]).returncode == 0


def test_ctrl_c_ends_what_was_started(atoll):
    """With --rm no session is left; the rest can be run later."""
    line = ["--exec", "test $X -gt 1 || exec sleep 100", "--exec-range=X=range:0,4,1", "python"]
    running = atoll.start("run", "--rm", *line)
    with running:
        wait_for(lambda: (one := newest(atoll)) and one["running"] == 2, "two cases")
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=DEADLINE)

    assert running.returncode == 130
    assert "2 waiting, 0 running, 0 done, 0 failed, 2 interrupted of 4" in said
    assert living(atoll) == []


def test_no_more_at_a_time_than_asked_for(atoll):
    """Told by the cases' own clocks."""
    command = "date +%s.%N; sleep 0.2; date +%s.%N; : $X"
    line = ["--rm", "-q", "--exec", command, "--exec-range=X=range:0,4,1", "python"]
    for most in (1, 2):
        result = atoll.run("run", "--max-parallel", str(most), *line)
        spans = _spans(result.stdout)
        at_once = [sum(a <= start < b for a, b in spans) for start, _ in spans]
        assert (len(spans), max(at_once)) == (4, most)


def _spans(text):
    """Return when each case began and ended, from its two lines."""
    found = {}
    for line in text.splitlines():
        label, _, moment = line.rpartition(" ")
        found.setdefault(label, []).append(float(moment))
    return list(found.values())


def test_a_sweep_survives_a_restart_of_the_cluster(atoll):
    """The runs go on meanwhile, and are found again."""
    running = atoll.start(
        "run", "--rm", "--exec", "echo $X; sleep 2", "--exec-range=X=case:a,b,c", "python"
    )
    with running:
        wait_for(lambda: (one := newest(atoll)) and one["running"] == 2, "two cases")
        atoll.kill_cluster()
        out, said = running.communicate(timeout=DEADLINE)

    assert running.returncode == 0, said
    assert {"[1/3 X=a] a", "[2/3 X=b] b", "[3/3 X=c] c"} <= set(out.splitlines())
    assert living(atoll) == []


def test_a_full_cluster_is_waited_for(atoll):
    """A policy that allows one session at a time makes cases wait, not fail."""
    atoll.run("local", "up")
    database = atoll.home / "data" / "local" / "cluster.sqlite3"
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute("UPDATE keypair_resource_policies SET max_concurrent_sessions = 1")

    line = ["--exec", "echo $X", "--exec-range=X=range:0,4,1", "python"]
    result = atoll.run("run", "--rm", *line)
    assert result.returncode == 0, result.stderr
    assert "waits: " in result.stderr
    assert "[4/4 X=3] 3\n" in result.stdout


def test_detached(atoll):
    """It goes on by itself, is looked at, and cancelled with its sessions."""
    line = ["--rm", "--exec", "echo $X; test $X = a || sleep 100", "--exec-range=X=case:a,b,c"]
    started = atoll.run("run", "--detach", *line, "python", timeout=60)
    sweep = SWEEP.search(started.stderr)[1]
    assert (started.returncode, started.stdout) == (0, "")

    wait_for(lambda: [newest(atoll)[key] for key in ("done", "running")] == [1, 2], "two cases")
    status = rows(atoll, "sweep", "status", sweep)
    assert [row["status"] for row in status] == ["done", "running", "running"]
    assert atoll.run("sweep", "logs", sweep, "1").stdout == "a\n"
    assert "is running" in atoll.run("sweep", "resume", sweep).stderr
    assert atoll.run("sweep", "rm", sweep).returncode == 2

    assert atoll.run("sweep", "cancel", sweep[2:]).returncode == 0
    assert newest(atoll)["status"] == "cancelled"
    assert living(atoll) == []
    assert atoll.run("sweep", "rm", sweep).returncode == 0
    assert newest(atoll) is None


def test_detached_keeps_its_profile(atoll):
    """Whoever removes the profile just afterwards, or makes another of it, changes nothing."""
    atoll.run("local", "up")
    words = ["profile", "add", "lab"]
    for line in atoll.run("local", "env").stdout.splitlines():
        name, _, value = line.removeprefix("export BACKEND_").partition("=")
        if name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
            words += [f"--{name.lower().replace('_', '-')}", value]
    assert atoll.run(*words).returncode == 0
    run = "@lab run --rm --detach --exec 'echo $X; test $X = a || sleep 100' {} python"
    lines = [run.format("--exec-range=X=case:a,b"), "profile remove lab"]
    started = atoll.run("-c", "\n".join(lines))

    assert started.returncode == 0, started.stderr
    wait_for(lambda: [newest(atoll)[key] for key in ("done", "running")] == [1, 1], "two cases")
    cancelled = atoll.run("sweep", "cancel", SWEEP.search(started.stderr)[1])
    assert cancelled.returncode == 0
    assert "is cancelled; no profile named 'lab'" in cancelled.stderr
    assert living(atoll) == []


def test_an_unknown_image_starts_nothing(atoll):
    """One line instead of one for each case."""
    result = atoll.run("run", "-q", "--exec", "echo $X", "--exec-range=X=range:0,9,1", "pyhton")

    assert result.returncode == 5
    assert result.stderr.count("\n") == 1
    assert "did you mean python" in result.stderr
    assert newest(atoll) is None


def test_in_the_background_of_a_prompt(atoll, tmp_path):
    """A table while it runs in front; behind a prompt that is left, it goes on."""
    assert atoll.run("vfolder", "create", "gate").returncode == 0
    (tmp_path / "go").touch()
    environ = {**atoll.environ(), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    program = str(Path(sys.executable).with_name("atoll"))
    child = pexpect.spawn(program, env=environ, dimensions=(40, 120), timeout=DEADLINE)
    child.delaybeforesend = None
    try:
        child.expect_exact("atoll>")
        child.send("run --rm --exec 'sleep 0.5; echo got $X' --exec-range=X=case:a,b python\r")
        child.expect(rb"0 waiting, 2 running, 0 done, 0 failed of 2")
        child.expect_exact("[1/2 X=a] got a")
        child.expect(rb"finished: 0 waiting, 0 running, 2 done")
        child.expect_exact("atoll>")
        child.send("run --rm --exec 'sleep 100; : $X' --exec-range=X=case:a,b python &\r")
        child.expect_exact("runs in the background")
        wait_for(lambda: newest(atoll)["running"] == 2, "two cases")
        child.send("kill %1\r")
        child.expect_exact("[1] failed (130)")
        wait_for(lambda: newest(atoll)["status"] == "cancelled", "the end of the sweep")
        waits = "until [ -e gate/go ]; do sleep 0.1; done; : $X"
        child.send(f"run --rm -v gate --exec '{waits}' --exec-range=X=case:a,b python &\r")
        child.expect_exact("runs in the background")
        child.send("\x04")
        child.expect_exact("leaving again")
        child.expect_exact("atoll>")
        child.send("\x04")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)

    wait_for(lambda: newest(atoll)["status"] == "running", "the sweep that goes on")
    opened = atoll.run("vfolder", "upload", "gate", "-b", str(tmp_path), str(tmp_path / "go"))
    assert opened.returncode == 0
    wait_for(lambda: newest(atoll)["status"] != "running", "the end of the sweep")
    assert newest(atoll)["status"] == "done"


def test_in_the_background_of_a_script(atoll):
    """The script waits for it, and has its exit code."""
    script = "run --rm --exec 'exit $X' --exec-range=X=case:0,2 python &\nsweep list\n"
    result = atoll.run(stdin=script)

    assert result.returncode == 1
    assert newest(atoll)["status"] == "failed"


def test_sessions_are_kept_but_for_those_that_make_room(atoll):
    """Which is told of each; those of another sweep stay, and are named as what could go."""
    slots = ["-r", f"cpu={max(1, len(os.sched_getaffinity(0)) // 2)}"]
    line = ["run", *slots, "--exec", "echo $X", "python", "--exec-range"]
    first = atoll.run(*line, "X=case:1,2,3,4")
    kept = atoll.run("ps", "--name-only").stdout.split()
    made_room = re.findall(r"session (\S+) of case \d, which has ended, is", first.stderr)
    assert first.returncode == 0
    assert len(kept) + len(set(made_room)) == 4
    assert f"its sessions are kept, except {', '.join(made_room)}, tagged" in first.stderr
    second = atoll.run("--timeout", "6", *line, "X=case:5")
    assert second.returncode == 124
    assert "ending idle sessions would free resources: atoll rm s-" in second.stderr
    assert set(kept) <= set(atoll.run("ps", "--name-only").stdout.split())


def test_what_has_come_of_a_sweep(atoll, tmp_path):
    """As a table and as charts; the case that failed is left out, and counted."""
    code = "print('loss=9'); print(f'loss={$lr * 2},')\nif $lr == 3: raise SystemExit(1)"
    ranges = ["--exec-range=lr=case:1,2,3", "--max-parallel", "3"]
    atoll.run("run", "--rm", "-r", "mem=256m", "-r", "cpu=0.1", "-c", code, *ranges, "python")

    pattern = ["--metric", r"loss=([\d.]+)"]
    assert rows(atoll, "sweep", "results", *pattern) == [
        {"lr": "1", "loss": "2", "case": 1},
        {"lr": "2", "loss": "4", "case": 2},
    ]
    nothing = atoll.run("sweep", "results")
    assert (nothing.returncode, "--metric" in nothing.stderr) == (2, True)

    pytest.importorskip("plotext", reason="not installed: plotext")
    drawn = atoll.run("sweep", "plot", "-x", "lr", "-y", "loss")
    assert drawn.stdout.count("•") == 2
    assert drawn.stderr == "1 failed of 3 cases left out\n"
    pytest.importorskip("matplotlib", reason="not installed: matplotlib")
    chart = tmp_path / "chart.svg"
    atoll.run("sweep", "plot", "-x", "lr", "-y", "loss", *pattern, "--save", str(chart))
    assert "<svg" in chart.read_text()
