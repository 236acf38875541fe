"""A full cluster: why a session waits, for how long yet, and what becomes of it when one leaves."""

import os
import re
import signal

import pexpect
import pytest

pytestmark = pytest.mark.slow
PROCESSORS = len(os.sched_getaffinity(0))


@pytest.fixture
def full(shared):
    """All processors are taken; what waits in the end is cancelled."""
    assert shared.run("start", "-t", "hold", "-r", f"cpu={PROCESSORS}", "python").returncode == 0
    yield shared
    shared.run("rm", *shared.run("ps", "--name-only").stdout.split())


def test_it_is_explained_in_a_pipe(full):
    """Once, with all that there is to know; the exit code tells that nothing ran."""
    asked = ["-r", "cpu=1", "-r", "mem=300m", "--max-wait", "2"]
    waited = full.run("run", "-t", "late", *asked, "-c", "print(1)", "python")

    why, end = waited.stderr.splitlines()
    assert re.fullmatch(
        "session late is PENDING: no-available-instances; number 1 of 1 in the queue; it needs cpu"
        r" 1, mem 300 MiB, of which cpu 0, mem [\d.]+ [MG]iB is free; nothing fits now"
        " without cpu; ending idle sessions would free resources: atoll rm hold",
        why,
    ), why
    assert end == "session late has not started in 2 s and stays queued"
    assert (waited.returncode, waited.stdout) == (124, "")

    second = full.run("start", "-t", "later", "--max-wait", "1", "python")
    assert "number 2 of 2 in the queue" in second.stderr
    assert full.run("run", "--rm", "-q", "--max-wait", "1", "-c", "1", "python").returncode == 124
    assert full.run("ps", "--name-only").stdout.split() == ["later", "late", "hold"]


def test_what_would_fit_instead(shared):
    """As many processors as are left."""
    if PROCESSORS < 2:
        pytest.skip("a single processor leaves none")
    assert shared.run("start", "-t", "half", "-r", "cpu=1", "python").returncode == 0
    asked = ["-r", f"cpu={PROCESSORS}", "-r", "mem=300m", "--max-wait", "1"]
    waited = shared.run("start", "-t", "whole", *asked, "python")
    removed = shared.run("rm", "half", "whole")

    assert f"what would fit now: cpu {PROCESSORS - 1}, mem 300 MiB" in waited.stderr
    # Were the end of the one awaited, the other would start meanwhile.
    assert removed.stderr == "session whole is cancelled\nsession half is terminated\n"


def test_what_starts_can_be_forced_to_end(shared, tmp_path):
    """It is said how."""
    (tmp_path / "wait.sh").write_text("sleep 600")
    script = ["--bootstrap-script", str(tmp_path / "wait.sh")]
    assert shared.run("start", "--max-wait", "1", "-t", "slow", *script, "python").returncode == 124
    refused = shared.run("rm", "slow")

    assert refused.stderr == "atoll: session slow is PREPARING (atoll rm -f slow ends it)\n"
    assert refused.returncode == 1
    assert shared.run("rm", "-f", "slow").returncode == 0


def test_a_higher_priority_comes_first(full):
    """And among equals whoever came first."""
    for name, priority in (("first", []), ("urgent", ["--priority", "90"])):
        asked = ["-r", f"cpu={PROCESSORS}", "--max-wait", "1", *priority]
        waited = full.run("start", "-t", name, *asked, "python")
        assert "number 1 of" in waited.stderr
    assert full.run("rm", "hold").returncode == 0
    assert full.run("wait", "urgent").returncode == 0

    assert full.run("ps", "-f", "name", "-s", "PENDING", "--plain").stdout.split() == ["first"]


def test_a_later_start_is_told(shared):
    """Nothing else is wrong with it."""
    batch = ["--type", "batch", "-c", "true", "--starts-at", "1h", "--max-wait", "1"]
    waited = shared.run("start", "-t", "tonight", *batch, "python")
    shared.run("rm", "tonight")

    assert "session tonight is PENDING; it starts at 20" in waited.stderr


def test_ctrl_c_in_a_pipe_leaves_it_queued(full):
    """And says how to find and to cancel it, which the named commands do."""
    with full.start("start", "-t", "left", "python") as waiting:
        assert waiting.stderr.readline().startswith("session left is PENDING")
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=60)

    assert waiting.returncode == 130
    assert said == "session left stays queued: atoll wait left waits, atoll rm left cancels it\n"
    with full.start("wait", "left") as waiting:
        assert full.run("rm", "hold").returncode == 0
        assert waiting.communicate(timeout=60) == ("", "session left is RUNNING\n")


def test_on_a_terminal(full):
    """The time left is counted down below the reason; Ctrl-C leaves with --rm nothing behind."""
    environ = {**full.environ(), "TERM": "xterm"}
    line = ["run", "-t", "shown", "--max-wait", "60", "--rm", "-c", "1", "python"]
    child = pexpect.spawn(
        str(full.program()), line, env=environ, dimensions=(24, 200), encoding="utf-8", timeout=60
    )
    try:
        child.expect(r"\x1b\[2Ksession shown is PENDING: no-available-instances; number 1 of 1")
        child.expect(r"\r\n.*\x1b\[2Ksession shown is PENDING … \(5\d s left\)")
        child.sendintr()
        child.expect(pexpect.EOF)
    finally:
        child.close()

    assert child.exitstatus == 130
    assert full.run("ps", "--name-only").stdout == "hold\n"
