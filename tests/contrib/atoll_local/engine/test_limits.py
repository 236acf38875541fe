"""What kernels may use, and how little they use themselves."""

import os
from pathlib import Path

import anyio
import pytest

from atoll_local.engine import cgroup
from atoll_local.engine.contract import ExitStatus

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
DEADLINE = 20


@pytest.fixture(params=["cgroup", "watched"])
def counted(request, engine, monkeypatch):
    """Make an engine whose kernels' memory is counted by a cgroup, or by looking at them."""
    if request.param == "watched":
        monkeypatch.setattr(cgroup, "create", lambda _name, _limits: ())
    else:
        groups = cgroup.create("probe", cgroup.Limits(memory=256 * MIB))
        cgroup.remove(groups)
        if not groups:
            pytest.skip("no cgroup can be made here")
    return engine


FILL = """
import mmap
shared = mmap.mmap(-1, 400 << 20)
for position in range(0, 400 << 20, 4096): shared[position] = 1
import signal; signal.pause()
"""


@pytest.mark.parametrize("code", ["x = bytearray(400 << 20); input()", FILL])
async def test_too_much_memory_ends_the_kernel(counted, started, code):
    async with started(counted, memory=256 * MIB) as kernel, started(counted, "k2") as other:
        run = await kernel.execute("query", code, {})
        with anyio.fail_after(DEADLINE):
            status = await kernel.wait()
        assert status == ExitStatus(137, "out-of-memory")
        assert status.memory_peak >= 200 * MIB
        assert not any(group.exists() for group in kernel._folder.cgroups())
        await run.aclose()
        assert [run async for run in (await other.execute("query", "1", {})).events()]


async def test_memory_that_processes_share_counts_once(engine, started, query, monkeypatch):
    monkeypatch.setattr(cgroup, "create", lambda _name, _limits: ())
    async with started(engine, memory=256 * MIB) as kernel:
        code = """
import os, time
block = bytearray(150 << 20)
children = [os.fork() or time.sleep(1) or os._exit(0) for _ in range(2)]
[os.waitpid(child, 0)[1] for child in children]
"""
        assert (await query(kernel, code)).stdout == "[0, 0]\n"


async def test_half_a_processor_is_half_a_processor(engine, started, query):
    groups = cgroup.create("probe", cgroup.Limits(cpu=0.5))
    cgroup.remove(groups)
    if not groups:
        pytest.skip("no cgroup can be made here")
    async with started(engine, cpu_quota=0.25) as kernel:
        code = """
import time
begin, cpu = time.monotonic(), time.process_time()
while time.monotonic() < begin + 1: pass
time.process_time() - cpu < 0.4
"""
        assert (await query(kernel, code)).stdout == "True\n"


async def test_usage_is_that_of_all_processes(engine, started, query):
    async with started(engine) as kernel:
        code = """
import subprocess, sys
block = bytearray(100 << 20)
subprocess.run([sys.executable, "-c", "x = 0\\nwhile x < 3_000_000: x += 1"], check=True)
open("file", "wb").write(b"x" * 1000)
"""
        assert (await query(kernel, code)).exit_code == 0
        usage = (await engine.measure(["k1", "unheard-of"]))["k1"]
        assert usage.memory > 100 * MIB
        assert 20 < usage.cpu_used < 20_000
        status = await kernel.stop()
        assert status.cpu_used >= usage.cpu_used - 20
        assert status.memory_peak > 100 * MIB
        assert await engine.measure(["k1"]) == {}


async def test_a_kernel_keeps_to_its_processors(engine, started, query):
    cpu = min(os.sched_getaffinity(0))
    async with started(engine, cpus=(cpu,)) as kernel:
        assert (await query(kernel, "import os; os.sched_getaffinity(0)")).stdout == f"{{{cpu}}}\n"


async def test_an_idle_kernel_is_small(boxed, started):
    async with started(boxed) as kernel:
        supervisor, *bubblewraps, program = _family(kernel._supervisor.pid)
        assert _resident(supervisor) + _resident(program) < 24 * MIB
        assert sum(map(_resident, bubblewraps)) < 4 * MIB


def _family(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _family(int(child)))]


def _resident(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
