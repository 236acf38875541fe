"""What kernels may use, and how little they use themselves."""

import os
from pathlib import Path

import pytest

from atoll_local.engine import cgroup

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


async def test_too_much_memory_is_a_memory_error(engine, started, query):
    async with started(engine, memory=256 * MIB) as kernel:
        story = await query(kernel, "x = 'still here'\ny = bytearray(400 * 1024 ** 2)")
        assert "MemoryError" in story.stderr
        assert (await query(kernel, "x")).stdout == "'still here'\n"


async def test_programs_share_one_limit_where_cgroups_allow(engine, started, query):
    groups = cgroup.limit_memory("probe", 256 * MIB)
    cgroup.remove(groups)
    if not groups:
        pytest.skip("no cgroup can be made here")
    async with started(engine, memory=256 * MIB) as kernel:
        code = """
import mmap
shared = mmap.mmap(-1, 400 << 20)
for position in range(0, 400 << 20, 4096): shared[position] = 1
"""
        story = await query(kernel, code)
        assert story.exit_code == 137
        assert "more than 256 MiB of memory" in story.stderr
        assert (await query(kernel, "'recovered'")).stdout == "'recovered'\n"
        await kernel.stop()
        assert not any(group.exists() for group in kernel._folder.cgroups())


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
