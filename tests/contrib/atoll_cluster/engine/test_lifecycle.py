"""Kernels from their start to their end, across the deaths of everything around them."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from attrs import evolve

from atoll_cluster.engine.contract import EngineError, ExitStatus, Finished, Mount

pytestmark = pytest.mark.anyio

CLUSTER = """
import anyio, sys
from pathlib import Path
from atoll_cluster.engine.contract import KernelSpec
from atoll_cluster.engine.kernels import KernelEngine

async def main(root, plain):
    engine = KernelEngine.here(Path(root), plain=plain)
    spec = KernelSpec(kernel_id="k1", session_id="s1", session_name="work",
                      image=engine.resolve("python").image)
    kernel = await engine.start(spec)
    code = "x = 1; print('before', flush=True); y = input(); print('after', y)"
    run = await kernel.execute("query", code, {}, "the-run")
    async for event in run.events():
        print(event, flush=True)

anyio.run(main, sys.argv[1], sys.argv[2] == "plain")
"""


@pytest.fixture
def orphan(engine):
    """Leave a kernel with an unfinished run whose cluster program has been killed."""
    argv = [sys.executable, "-c", CLUSTER, str(engine.root), engine.probe.tier]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as cluster:
        assert cluster.stdout is not None
        for line in cluster.stdout:
            if "InputRequest" in line:
                break
        cluster.kill()
    return engine


async def test_a_kernel_survives_the_end_of_the_cluster_program(orphan, spec, tell, query):
    kernel = await orphan.adopt(spec())
    story = await tell(await kernel.follow("the-run"), "still here")
    assert story.stdout == "before\nafter still here\n"
    assert (await query(kernel, "x")).stdout == "1\n"
    assert await kernel.stop() == ExitStatus(0, "user-requested")


async def test_a_kernel_that_ended_meanwhile_reports_how_it_ended(orphan, spec, eventually):
    supervisor = orphan._folder("k1").read_state("supervisor.json")["pid"]
    os.kill(supervisor, signal.SIGTERM)
    await eventually(lambda: orphan._folder("k1").read_state("exit.json") is not None)
    assert await orphan.adopt(spec()) == ExitStatus(0, "user-requested")


async def test_processes_die_with_a_killed_supervisor(
    engine, spec, started, query, eventually, processes
):
    async with started(engine) as kernel:
        story = await query(kernel, "import subprocess as s; s.Popen(['sleep', '98.7']).poll()")
        assert story.exit_code == 0
        engine.launcher.supervisor("k1").signal(signal.SIGKILL)
        assert await kernel.wait() == ExitStatus(137, "unknown")
        assert await engine.adopt(spec()) == ExitStatus(137, "unknown")
        await eventually(lambda: not processes("sleep\x0098.7"))
        await eventually(lambda: not processes(str(engine.root)))  # a plain kernel ends last
        with pytest.raises(EngineError, match="has ended"):
            await kernel.execute("query", "1", {})


async def test_stop_leaves_no_process_behind(engine, started, query, processes):
    engine.grace = 60  # on a busy machine, the processes may need more than the usual time
    async with started(engine) as kernel:
        code = """
import subprocess
for argv in (["sleep", "123.4"], ["setsid", "-f", "sleep", "123.4"]): subprocess.Popen(argv)
"""
        await query(kernel, code)
        status = await kernel.stop()
        assert status == ExitStatus(0, "user-requested")
        assert await kernel.wait() == status
        assert processes("sleep\x00123.4") == []


async def test_stop_gives_programs_a_grace_period(make_engine, started, until):
    engine = make_engine(grace=0.3)
    async with started(engine) as kernel:
        code = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
        run = await kernel.execute("batch", "", {"exec": code})
        await until(run.events(), "deaf")
        with anyio.fail_after(60):
            assert await kernel.stop() == ExitStatus(137, "user-requested")


async def test_stop_lets_a_program_finish_its_work(engine, started, until):
    async with started(engine) as kernel:
        code = "trap 'echo saved > work; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
        run = await kernel.execute("batch", "", {"exec": code})
        await until(run.events(), "ready")
        await kernel.stop()
        assert (kernel.home / "work").read_text() == "saved\n"


async def test_a_forced_stop_is_immediate(boxed, started, until):
    async with started(boxed) as kernel:
        run = await kernel.execute("batch", "", {"exec": "trap '' TERM; echo deaf; sleep 60"})
        events = run.events()
        await until(events, "deaf")
        with anyio.fail_after(60):
            assert await kernel.stop(forced=True) == ExitStatus(137, "force-terminated")
        with pytest.raises(EngineError, match="has ended"):
            assert [event async for event in events]


async def test_a_kernel_that_cannot_start_says_why(engine, spec):
    bad = spec(bootstrap=b"kill -9 $PPID")
    with pytest.raises(EngineError, match="ended while starting"):
        await engine.start(bad)
    assert isinstance(await engine.adopt(bad), ExitStatus)


async def test_a_missing_image_prefix_says_why(boxed, spec):
    good = spec()
    image = evolve(good.image, prefixes=(boxed.root / "nowhere",))
    with pytest.raises(EngineError, match="nowhere"):
        await boxed.start(evolve(good, image=image))


async def test_a_cancelled_start_leaves_no_process(engine, spec, processes):
    with anyio.move_on_after(0.5) as scope:
        await engine.start(spec(bootstrap=b"sleep 76.5"))
    assert scope.cancelled_caught
    assert processes("sleep\x0076.5") == []


async def test_a_kernel_without_its_folder_ends(engine, started, processes):
    async with started(engine, bootstrap=b"sleep 65.4 & true") as kernel:
        shutil.rmtree(kernel.home.parent)
        engine.launcher.supervisor("k1").signal(signal.SIGCHLD)
        with anyio.fail_after(60):
            await kernel.wait()
        assert processes("sleep\x0065.4") == []


async def test_the_same_kernel_is_not_started_twice(engine, spec, started):
    async with started(engine):
        with pytest.raises(EngineError, match="exists"):
            await engine.start(spec())


@pytest.mark.parametrize("kernel_id", ["", "..", "../x", "a/b", ".hidden", "runtimes.json"])
async def test_a_kernel_id_is_never_a_path(engine, spec, kernel_id):
    with pytest.raises(EngineError, match="not a kernel id"):
        await engine.start(spec(kernel_id))
    with pytest.raises(EngineError, match="not a kernel id"):
        await engine.remove(kernel_id)


async def test_a_kernel_that_never_started_failed(engine, spec):
    assert await engine.adopt(spec("unheard-of")) == ExitStatus(1, "failed-to-start")


async def test_bootstrap_runs_before_any_code(engine, started, query, printed):
    script = b"echo prepared > note; echo by bootstrap; exit 5"
    async with started(engine, bootstrap=script) as kernel:
        assert (await query(kernel, "open('note').read()")).stdout == "'prepared\\n'\n"
        assert "by bootstrap" in await printed(engine)
        assert "exited with code 5" in await printed(engine)


async def test_a_finished_run_can_be_read_again_and_an_unknown_one_not(kernel, tell):
    run = await kernel.execute("query", "print('hi')", {}, "again")
    story = await tell(run)
    assert story.exit_code == 0
    assert (await tell(await kernel.follow("again"))).stdout == "hi\n"
    with pytest.raises(EngineError, match="no run nothing"):
        await kernel.follow("nothing")
    with pytest.raises(EngineError, match="already"):
        await kernel.execute("query", "", {}, "again")


async def test_a_run_goes_on_without_its_reader(kernel, tell, until):
    run = await kernel.execute("query", "print('a', flush=True)\nx = input()\nprint(x)", {}, "r")
    events = run.events()
    await until(events, "a")
    await events.aclose()
    story = await tell(await kernel.follow("r"), "b")
    assert story.stdout == "a\nb\n"
    assert story.events[-1] == Finished(0)


async def test_later_followers_get_much_output_but_not_all(kernel, tell):
    run = await kernel.execute("query", "print('x' * 3_000_000)\nprint('the end')", {}, "r")
    await run.aclose()
    assert (await tell(await kernel.execute("query", "1", {}))).stdout == "1\n"
    story = await tell(await kernel.follow("r"))
    assert "bytes of events were left out here" in story.stderr
    assert 500_000 < len(story.stdout) < 1_100_000
    assert story.stdout.endswith("xxx\nthe end\n")


async def test_a_program_does_not_wait_forever_for_its_reader(
    make_engine, started, tell, eventually
):
    async with started(make_engine(patience=0.2)) as kernel:
        code = "print('x' * 5_000_000)\nopen('done', 'w').close()"
        run = await kernel.execute("query", code, {})
        await eventually((kernel.home / "done").exists)
        story = await tell(run)
        assert "bytes of events were left out here" in story.stderr
        assert len(story.stdout) < 5_000_000
        assert story.exit_code == 0


async def test_remove_deletes_everything_even_without_permissions(engine, started, batch):
    outside = engine.root.parent / "outside"
    outside.mkdir(mode=0o500)
    async with started(engine) as kernel:
        await batch(kernel, exec="mkdir -p a/b; touch a/b/c; chmod 0 a/b a")
        (kernel.home / "link").symlink_to(outside)
    await engine.remove("k1")
    assert list(engine.root.iterdir()) == []
    assert outside.stat().st_mode & 0o777 == 0o500


async def test_folders_are_mounted_in_the_home(engine, started, batch):
    source = engine.root.parent / "data of mine"
    source.mkdir()
    (source / "in").write_text("from the host")
    async with started(engine, mounts=(Mount("data", source),)) as kernel:
        assert (await batch(kernel, exec="cat data/in; echo back > data/out")).exit_code == 0
    assert (source / "out").read_text() == "back\n"
    await engine.remove("k1")
    assert (source / "in").exists()


async def test_a_mount_can_be_read_only(boxed, started, batch):
    source = boxed.root.parent / "data"
    source.mkdir()
    async with started(boxed, mounts=(Mount("data", source, read_only=True),)) as kernel:
        assert "Read-only" in (await batch(kernel, exec="touch data/mark")).stderr


@pytest.mark.parametrize(("name", "folder"), [("..", "/"), ("a/../b", "/"), ("x", "/nowhere")])
async def test_an_invalid_mount_is_refused(engine, spec, name, folder):
    with pytest.raises(EngineError, match="mount"):
        await engine.start(spec(mounts=(Mount(name, Path(folder)),)))


async def test_code_that_ends_its_own_kernel_is_reported(engine, started):
    async with started(engine) as kernel:
        run = await kernel.execute("query", "import os; os.kill(os.getppid(), 9)", {})
        with anyio.fail_after(60):
            with pytest.raises(EngineError, match="has ended"):
                assert [event async for event in run.events()]
            assert await kernel.wait() == ExitStatus(137, "self-terminated")


async def test_a_long_path_works(make_engine, started, query):
    engine = make_engine("deep" * 20 + "/" + "er" * 40)
    async with started(engine) as kernel:
        assert (await query(kernel, "'far down'")).stdout == "'far down'\n"


async def test_only_the_owner_can_access_folders_and_socket(engine, started):
    async with started(engine) as kernel:
        folder = kernel.home.parent
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*")}
        assert folder.stat().st_mode & 0o777 == 0o700
        assert modes["kernel.sock"] == 0o600
        assert modes["home"] == modes["run"] == 0o700
