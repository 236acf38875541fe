"""The launcher beside a Slurm of shell scripts, for what a real one seldom does."""

import anyio
import pytest
from atoll_slurm import job_watch
from atoll_slurm import launcher as module
from attrs import evolve

from atoll_cluster.engine.relay.report import report
from atoll_cluster.engine.remote import write_key
from atoll_cluster.engines import Ended, EngineError, Job, Running, Site, Terms, Unknown, Waiting

pytestmark = pytest.mark.anyio
LISTED = "7|{}|n1|n1|2026-11-27T15:21:54|N/A|None|s.k1"


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Put a program of Slurm in the place of the real one: a name, and the lines of its script."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(job_watch, "SHORTEST_INTERVAL", 0.02)
    monkeypatch.setattr(job_watch, "LONGEST_INTERVAL", 0.3)

    def program(name, *lines):
        path = tmp_path / name
        path.write_text("\n".join(["#!/bin/sh", f"cd {tmp_path}", *lines, ""]))
        path.chmod(0o755)
        return path

    program("scancel", 'echo "$@" >> cancelled', "touch gone")
    program("squeue", f"if [ -e gone ]; then echo '{LISTED.format('CANCELLED')}'",
            f"else echo '{LISTED.format('PENDING')}'; fi")  # fmt: skip
    return program


@pytest.fixture
def site(tmp_path):
    (tmp_path / "kernels" / "k1").mkdir(parents=True)
    return Site(root=tmp_path / "kernels")


async def test_a_job_whose_id_was_never_noted_is_cancelled(slurm, site, tmp_path):
    """The program before was killed just after it had submitted it."""
    with anyio.fail_after(60):
        async with module.launcher(site) as launcher:
            await launcher.end("k1", 5)
            assert (tmp_path / "cancelled").read_text() == "7\n"
            state = None
            while state != Ended():
                state = await launcher.watch("k1", state)


async def test_a_job_is_cancelled_once_slurm_answers(slurm, site, tmp_path):
    slurm("scancel", "echo x >> tries", '[ "$(wc -l < tries)" -gt 2 ] && { touch gone; exit; }',
          "echo 'scancel: error: Unable to contact slurm controller' >&2; exit 1")  # fmt: skip
    with anyio.fail_after(60):
        async with module.launcher(site) as launcher:
            await launcher.end("k1", 5)
    assert (tmp_path / "tries").read_text() == "x\n" * 3


async def test_a_job_that_never_starts_is_cancelled_with_the_reason(slurm, site, tmp_path):
    slurm("squeue", "echo '7|PENDING|n/a||2026-11-27T15:21:54|N/A|PartitionTimeLimit|s.k1'")
    with anyio.fail_after(60):
        async with module.launcher(site) as launcher:
            state = None
            while not isinstance(state, Ended):
                state = await launcher.watch("k1", state)
    assert state.reason == "PartitionTimeLimit: the partition does not allow so much time"
    assert (tmp_path / "cancelled").read_text() == "7\n"


async def test_a_job_that_ends_at_once_has_not_used_up_its_time(slurm, site):
    """While it is leaving, Slurm tells as the end of its time that it has ended."""
    line = "7|{}|n1|n1|2026-11-27T15:21:54|2026-11-27T15:21:55|NonZeroExitCode|s.k1"
    slurm("squeue", f"if [ -e seen ]; then echo '{line.format('FAILED')}'",
          f"else touch seen; echo '{line.format('COMPLETING')}'; fi")  # fmt: skip
    with anyio.fail_after(60):
        async with module.launcher(site) as launcher:
            state = None
            while not isinstance(state, Ended):
                state = await launcher.watch("k1", state)
    assert state == Ended()


async def test_a_silent_slurm_ends_no_session(slurm, site):
    slurm("squeue", "echo 'slurm_load_jobs error: Socket timed out' >&2; exit 1")
    with anyio.fail_after(60):
        async with module.launcher(site) as launcher:
            state = await launcher.watch("k1", None)
            while state == Unknown("Slurm has not answered yet"):
                state = await launcher.watch("k1", state)
            assert state == Unknown("slurm_load_jobs error: Socket timed out")


async def test_an_error_while_asking_slurm_ends_nothing(slurm, site, monkeypatch, caplog):
    faults = [ValueError("forced"), KeyError("forced")]
    jobs = job_watch.jobs

    async def broken():
        if faults:
            raise faults.pop()
        return await jobs()

    monkeypatch.setattr(job_watch, "jobs", broken)
    with anyio.fail_after(60):
        async with module.launcher(site) as launcher:
            await launcher.end("k1", 5)
    assert caplog.text.count("asking Slurm for its jobs has failed") == 2


async def test_a_partition_without_python_is_sent_no_second_job(slurm, site):
    job = Job(kernel_id="k1", session_id="s", name="s", folder=site.folder("k1"))
    slurm("sbatch", "cat > /dev/null", "echo 7")
    slurm("sinfo", "echo 'debug*|infinite'")
    slurm("squeue", f"echo '{LISTED.format('FAILED')}'")
    job.cwd.mkdir()
    (job.cwd / "no-python.n1").touch()
    with anyio.fail_after(20):
        async with module.launcher(site) as launcher:
            await launcher.start(job)
            state = None
            while not isinstance(state, Ended):
                state = await launcher.watch("k1", state)
            assert "n1 has no python3; give a Python that nodes have" in state.reason
            with pytest.raises(EngineError, match="n1 has no python3"):
                await launcher.start(job)
            elsewhere = Terms(options={"agents": ["n2"]})
            await launcher.start(evolve(job, terms=elsewhere))


async def test_a_kernel_that_reports_its_start_is_running(slurm, site, tmp_path, monkeypatch):
    """Slurm's answer may be older, and one that waits again would be cancelled."""
    line = LISTED.format("PENDING")
    slurm("sbatch", "cat > /dev/null; echo 7")
    slurm("squeue", "echo x >> asked; [ $(wc -l < asked) = 1 ] || touch again",
          f"while ! [ -e told ]; do sleep 0.02; done; [ -e again ] || echo '{line}'",
          "[ -e again ] || exit 0", f"echo '{LISTED.format('RUNNING')}'")  # fmt: skip
    site = evolve(site, settings={"time": "1:00:00"})
    job = Job(kernel_id="k1", session_id="s", name="s", folder=site.folder("k1"))
    job.cwd.mkdir()
    monkeypatch.chdir(job.cwd)
    write_key(job.cwd / "relay.pem", "k1")
    with anyio.fail_after(20):
        async with module.launcher(site) as launcher:
            await launcher.start(job)
            assert await launcher.watch("k1", None) == Waiting(engine_id="7")
            await until(tmp_path / "asked")
            news = {"kernel_id": "k1", "host": "n1", "port": 4711, "node": "n1"}
            address = f"127.0.0.1:{launcher.report_to.rpartition(':')[2]}"
            await anyio.to_thread.run_sync(report, address, news)
            assert await launcher.watch("k1", Waiting(engine_id="7")) == Running("n1", "7")
            (tmp_path / "told").touch()
            await until(tmp_path / "again")
            assert await launcher.watch("k1", None) == Running("n1", "7")
    assert not (tmp_path / "cancelled").exists()


async def until(path):
    while not path.exists():  # noqa: ASYNC110 - another program makes it
        await anyio.sleep(0.01)
