"""Batch runs: shell texts for clean, build and exec."""

import anyio
import pytest

from atoll_cluster.engine.contract import EngineError, Finished, Output, StepFinished
from atoll_cluster.engine.states import Task

pytestmark = pytest.mark.anyio


async def test_steps_run_in_order_in_the_home(kernel, batch):
    story = await batch(
        kernel, clean="rm -f out; false", build="echo built > out", exec="cat out; exit 7"
    )
    assert story.events == [
        StepFinished("clean", 1),
        StepFinished("build", 0),
        Output("stdout", "built\n"),
        Finished(7),
    ]
    assert (kernel.home / "out").read_text() == "built\n"


async def test_a_failed_build_ends_the_run(kernel, batch):
    story = await batch(kernel, build="echo no >&2; exit 3", exec="echo never")
    assert story.events == [Output("stderr", "no\n"), StepFinished("build", 3), Finished(3)]


async def test_skipped_steps_are_not_reported(kernel, batch):
    assert (await batch(kernel, clean="", build=None, exec="true")).events == [Finished(0)]
    assert (await batch(kernel)).events == [Finished(0)]


async def test_a_star_builds_with_make_and_runs_main(kernel, batch):
    (kernel.home / "main.py").write_text("print(open('made').read())")
    (kernel.home / "other.py").write_text("")
    (kernel.home / "Makefile").write_text("made:\n\t@echo yes > made\n")
    story = await batch(kernel, build="*", exec="*")
    assert story.stdout == "yes\n\n"


async def test_a_star_runs_the_only_script(kernel, batch):
    (kernel.home / "a script.py").write_text("print('found')")
    assert (await batch(kernel, build="*", exec="*")).stdout == "found\n"


async def test_a_star_without_a_program_says_so(kernel, batch):
    story = await batch(kernel, exec="*")
    assert story.exit_code == 127
    assert "there is no main.py" in story.stderr


async def test_interrupt_ends_all_steps(kernel, until):
    run = await kernel.execute("batch", "", {"build": "echo go; sleep 60", "exec": "echo never"})
    events = run.events()
    await until(events, "go")
    await run.interrupt()
    with anyio.fail_after(60):
        rest = [event async for event in events]
    assert rest[-1] == Finished(130)
    assert not any(isinstance(event, Output) for event in rest)


async def test_a_program_in_the_background_does_not_delay_the_end_of_the_run(kernel, batch):
    assert (await batch(kernel, exec="sleep 60 & echo started")).stdout == "started\n"


@pytest.mark.parametrize("text", [5, ["ls"], "echo \0", "echo \udc80\ud800"])
async def test_a_step_that_is_not_a_text_is_refused_in_one_line(kernel, batch, text):
    story = await batch(kernel, exec=text)
    assert story.exit_code in {2, 127}
    assert len(story.stderr.splitlines()) == 1
    assert (await batch(kernel, exec="echo fine")).stdout == "fine\n"


async def test_killed_by_a_signal_is_128_and_the_signal(kernel, batch):
    assert (await batch(kernel, exec="kill -KILL $$")).exit_code == 137


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        ("echo done", 0, "task-done"),
        ("exit 7", 7, "task-failed"),
        ("kill -9 $$", 137, "task-failed"),
    ],
)
async def test_a_kernel_with_a_task_runs_it_and_ends_with_it(engine, spec, command, code, reason):
    with anyio.fail_after(60):
        kernel = await engine.start(spec(task=Task("t", command)))
        status = await kernel.wait()
    assert (status.exit_code, status.reason) == (code, reason)
    assert [one async for one in engine.logs("k1")] == ([b"done\n"] if code == 0 else [])


async def test_a_task_waits_for_the_bootstrap_script_and_can_be_followed(engine, spec):
    task = Task("t", "cat made; while ! [ -e go ]; do sleep 0.02; done")
    with anyio.fail_after(60):
        kernel = await engine.start(spec(task=task, bootstrap=b"echo yes > made"))
        run = await kernel.follow("t")
        (kernel.home / "go").touch()
        assert [event async for event in run.events()] == [Output("stdout", "yes\n"), Finished(0)]
        assert (await kernel.wait()).reason == "task-done"
        with pytest.raises(EngineError):
            await kernel.follow("t")


async def test_a_task_that_is_stopped_has_not_succeeded(engine, spec):
    with anyio.fail_after(60):
        kernel = await engine.start(spec(task=Task("t", "sleep 100")))
        status = await kernel.stop()
    assert (status.exit_code, status.reason) == (143, "user-requested")
