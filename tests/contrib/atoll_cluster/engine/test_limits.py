"""What kernels may use, and how little they use themselves."""

import os
from pathlib import Path

import anyio
import pytest

from atoll_cluster.engine import cgroup, kernels, preparation
from atoll_cluster.engine.contract import ExitStatus, Output

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
DEADLINE = 60


@pytest.fixture(params=["cgroup", "watched"])
def limited(request, monkeypatch):
    """Have kernels limited by cgroups, or without any, by what else there is."""
    if request.param == "watched":
        monkeypatch.setattr(cgroup, "create", lambda _name, _limits: ())
    else:
        groups = cgroup.create("probe", cgroup.Limits(memory=256 * MIB))
        cgroup.remove(groups)
        if not groups:
            pytest.skip("no cgroup can be made here")
    return request.param


GREED = {
    "its own": "block = bytearray(400 << 20)",
    "in common": """
import mmap
shared = mmap.mmap(-1, 400 << 20)
for position in range(0, 400 << 20, 4096): shared[position] = 1
""",
    "many processes": """
import os
for _ in range(6):
    if not os.fork(): block = bytearray(100 << 20); break
""",
    "files in memory": """
for path in ("/tmp/a", "/dev/shm/a", "/var/tmp/a"):
    try:
        with open(path, "wb") as file:
            for _ in range(700): file.write(bytes(1 << 20))
    except OSError as error:
        assert error.errno == 28
""",
    "a file without a name": """
import os
file = os.memfd_create("big")
for _ in range(600): os.write(file, bytes(1 << 20))
""",
    "a mapped file that is closed": """
import mmap, os
file = os.memfd_create("big")
os.truncate(file, 600 << 20)
block = mmap.mmap(file, 600 << 20)
os.close(file)
for position in range(0, 600 << 20, 4096): block[position] = 1
""",
    "a segment": """
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
address = libc.shmat(libc.shmget(0, 600 << 20, 0o1600), None, 0)
ctypes.memset(address, 1, 600 << 20)
libc.shmdt(ctypes.c_void_p(address))
""",
    "a file system of its own": """
import subprocess
fill = "mount -t tmpfs none /tmp && head -c 700M /dev/zero > /tmp/a; sleep 60"
subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", fill])
""",
}
"""Ways to take more memory than 256 MiB."""
UNSANDBOXED = ("its own", "in common", "many processes", "a file without a name")


PLACES = ("/tmp/a", "/dev/shm/a", "/var/tmp/a")  # noqa: S108 - those of a sandbox


async def ends_alone(engine, started, code):
    """Run code that takes too much beside another kernel; returns how the greedy one ended."""
    async with started(engine, memory=256 * MIB) as kernel, started(engine, "k2") as other:
        run = await kernel.execute("query", f"{code}\nimport signal; signal.pause()", {})
        with anyio.fail_after(DEADLINE):
            status = await kernel.wait()
        assert not any(group.exists() for group in kernel._folder.cgroups())
        await run.aclose()
        assert [run async for run in (await other.execute("query", "1", {})).events()]
    return status


@pytest.mark.parametrize("greed", GREED)
async def test_too_much_memory_ends_the_kernel(boxed, limited, started, greed):
    status = await ends_alone(boxed, started, GREED[greed])
    assert status == ExitStatus(137, "out-of-memory")
    assert status.memory_peak >= 200 * MIB


@pytest.mark.parametrize("greed", UNSANDBOXED)
async def test_without_a_sandbox_too(make_engine, limited, started, greed):
    status = await ends_alone(make_engine(plain=True), started, GREED[greed])
    assert status == ExitStatus(137, "out-of-memory")


async def test_a_file_in_memory_that_is_too_large_is_an_error(boxed, limited, started, batch):
    """And nothing ends."""
    async with started(boxed, memory=256 * MIB) as kernel:
        for path in PLACES:
            story = await batch(kernel, exec=f"head -c 700M /dev/zero > {path}; stat -c %s {path}")
            assert "No space left on device" in story.stderr
            assert int(story.stdout) <= 128 * MIB
            assert (await batch(kernel, exec=f"rm {path}")).exit_code == 0
        assert (await batch(kernel, exec="echo > /dev/a")).exit_code != 0


async def told(run, text):
    """Wait until a run has told something."""
    with anyio.fail_after(DEADLINE):
        async for event in run.events():
            if isinstance(event, Output) and text in event.text:
                return True
    return False


async def test_too_many_processes_affect_only_their_own_session(
    engine, limited, started, monkeypatch
):
    """Where a group counts them, no more can be started; else they end the session."""
    monkeypatch.setattr(preparation, "MOST_PROCESSES", 200)
    monkeypatch.setattr(kernels, "MOST_PROCESSES", 200)
    fork = "n=0; while [ $n -lt 500 ] && sleep 60 & do n=$((n+1)); done; echo all; wait"
    async with started(engine) as kernel, started(engine, "k2") as other:
        run = await kernel.execute("batch", "", {"exec": fork})
        if limited == "cgroup":
            assert await told(run, "fork")
        else:
            with anyio.fail_after(DEADLINE):
                assert await kernel.wait() == ExitStatus(137, "too-many-processes")
        await run.aclose()
        assert [run async for run in (await other.execute("query", "1", {})).events()]


async def test_processes_that_a_thread_has_started_count(engine, started, monkeypatch):
    monkeypatch.setattr(cgroup, "create", lambda _name, _limits: ())
    code = """
import subprocess, sys, threading
code = "block = bytearray(400 << 20); import signal; signal.pause()"
threading.Thread(target=subprocess.run, args=([sys.executable, "-c", code],)).start()
"""
    assert await ends_alone(engine, started, code) == ExitStatus(137, "out-of-memory")


async def test_files_on_disks_do_not_count_as_memory(engine, started, query, monkeypatch):
    """Mapped ones neither: their pages can be had anew."""
    monkeypatch.setattr(cgroup, "create", lambda _name, _limits: ())
    code = """
import mmap, time
with open("big", "wb") as file: file.write(bytes(300 << 20))
with open("big", "rb") as file: mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
total = sum(mapped[position] for position in range(0, 300 << 20, 4096))
time.sleep(0.6)
total
"""
    async with started(engine, memory=256 * MIB) as kernel:
        assert (await query(kernel, code)).stdout == "0\n"


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


async def test_half_a_processor_is_enforced(engine, started, query):
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
    async with started(boxed):
        supervisor, *bubblewraps, program = _family(boxed.launcher.supervisor("k1").pid)
        assert _resident(supervisor) + _resident(program) < 24 * MIB
        assert sum(map(_resident, bubblewraps)) < 4 * MIB


def _family(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _family(int(child)))]


def _resident(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
