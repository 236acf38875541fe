"""Batch sessions that end before anybody looks: what came of their jobs is what counts."""

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("command", "options", "code", "told"),
    [
        ("true", ["--starts-at", "+1s"], 0, "has ended: its job has succeeded"),
        ("exit 3", ["--starts-at", "+1s"], 3, "has ended with exit code 3"),
        ("kill -9 $$", ["--starts-at", "+1s"], 137, "has ended with exit code 137"),
    ],
)
def test_a_short_job_is_told_by_its_result(shared, command, options, code, told):
    name = f"job{code}-short"
    start = ["start", "--type", "batch", "-t", name, *options, "-c", command, "python"]
    done = shared.run(*start)
    if "is ready" in done.stderr:  # looked at just while the job ran
        assert done.returncode == 0
    else:
        assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    for wait in (["wait", name], ["wait", name, "--for", "TERMINATED"]):
        waited = shared.run(*wait)
        assert waited.returncode == code
        assert f"its job has ended with exit code {code}" in waited.stderr


def test_wait_tells_the_exit_code_of_a_job_that_runs(shared):
    start = ["start", "--type", "batch", "-t", "later", "--enqueue-only"]
    assert shared.run(*start, "-c", "sleep 0.3; exit 4", "python").returncode == 0
    waited = shared.run("wait", "later", "--for", "TERMINATED")
    assert waited.returncode == 4
    assert "its job has ended with exit code 4" in waited.stderr


def test_no_session_that_was_ended_counts_as_a_job(shared):
    shared.run("start", "-t", "ended-here", "python")
    shared.run("rm", "ended-here")
    assert shared.run("wait", "ended-here", "--for", "TERMINATED").returncode == 0
    assert shared.run("wait", "ended-here").returncode == 1
