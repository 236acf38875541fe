"""The same sandbox for a user without any privilege; needs root, to become that user."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = shutil.which("python3", path="/usr/bin")
NOBODY = 65534
PROGRAM = """
import anyio, json, sys
from pathlib import Path
from atoll_cluster.engine.contract import KernelSpec, Output
from atoll_cluster.engine.kernels import KernelEngine

CODE = '''
id -un; pwd; cat /etc/hostname
test -e "$0" && echo sees the host
touch /usr/mark || echo usr is read-only
ls -d /proc/[0-9]* | wc -l
'''

async def main(root):
    engine = KernelEngine.here(Path(root))
    spec = KernelSpec(kernel_id="k1", session_id="s1", session_name="n", memory=512 << 20,
                      image=engine.resolve("python").image)
    kernel = await engine.start(spec)
    try:
        run = await kernel.execute("batch", "", {"exec": "bash -c '" + CODE + "' " + root})
        text = "".join([e.text async for e in run.events() if isinstance(e, Output)])
        print(json.dumps([str(engine.probe), text, (await kernel.stop()).reason]))
    finally:
        await kernel.stop(forced=True)
        await engine.remove("k1")

anyio.run(main, sys.argv[1])
"""


@pytest.fixture
def folder(tmp_path_factory):
    """Make a folder for the user nobody, in a place that it can reach."""
    folder = Path("/var/tmp") / tmp_path_factory.mktemp("nobody").name  # noqa: S108 - removed below
    folder = folder.with_name(f"{folder.name}-{os.getpid()}")
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


LIMITED = """
import anyio, json, sys
from pathlib import Path
from atoll_cluster.engine import cgroup, preparation
from atoll_cluster.engine.contract import KernelSpec, Output
from atoll_cluster.engine.kernels import KernelEngine

FILL = "for path in /tmp/a /dev/shm/a /var/tmp/a; do head -c 700M /dev/zero > $path; done; sleep 60"
FORK = "import os, time; [os.fork() or (time.sleep(60), os._exit(0)) for _ in range(90)]"
ATTACH = "import ctypes; libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p;" \\
    "address = libc.shmat(libc.shmget(0, 600 << 20, 0o1600), None, 0);" \\
    "ctypes.memset(address, 1, 600 << 20); libc.shmdt(ctypes.c_void_p(address));" \\
    "import signal; signal.pause()"

async def main(root):
    engine = KernelEngine.here(Path(root))
    for name, mode, code in (("files", "batch", FILL), ("segment", "query", ATTACH)):
        kernel = await engine.start(spec(engine, name))
        await kernel.execute(mode, code, {"exec": code})
        with anyio.move_on_after(20):
            print(json.dumps([name, (await kernel.wait()).reason]))
        await kernel.stop(forced=True)
        await engine.remove(name)
    preparation.MOST_PROCESSES = 40
    kernel, other = [await engine.start(spec(engine, name)) for name in ("k1", "k2")]
    run = await kernel.execute("query", FORK, {})
    text = "".join([e.text async for e in run.events() if isinstance(e, Output)])
    run = await other.execute("batch", "", {"exec": "sleep 0 & wait; echo goes on"})
    beside = "".join([e.text async for e in run.events() if isinstance(e, Output)])
    print(json.dumps([engine.probe.tier, engine.probe.counts_processes, text[-100:], beside]))
    for one in (kernel, other):
        await one.stop(forced=True)
        await engine.remove(one.spec.kernel_id)

def spec(engine, name):
    return KernelSpec(kernel_id=name, session_id="s1", session_name="n", memory=256 << 20,
                      image=engine.resolve("python").image)

anyio.run(main, sys.argv[1])
"""


def run_as_nobody(program, folder):
    """Run a program of Python as a user who may nothing; returns what it has printed."""
    search = [path for path in sys.path if not Path(path).is_relative_to(sys.base_prefix)]
    result = subprocess.run(
        [PYTHON, "-c", program, str(folder)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd=folder,
        env={"PYTHONPATH": ":".join(search), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "ModuleNotFoundError" in result.stderr:
        pytest.skip("the system's Python is another version than the tests'")
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(PYTHON is None, reason="there is no system Python")
def test_a_plain_user_gets_the_same_sandbox(folder):
    [[probe, text, reason]] = run_as_nobody(PROGRAM, folder)
    if not probe.startswith("bubblewrap"):
        pytest.skip(probe)
    assert "sees the host" not in text
    assert "usr is read-only" in text
    name, home, hostname, *_, processes = [line for line in text.splitlines() if "mark" not in line]
    assert (name, home, hostname) == ("work", "/home/work", "main1")
    assert int(processes) < 10
    assert reason == "user-requested"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(PYTHON is None, reason="there is no system Python")
def test_the_limits_of_a_plain_user_are_enforced(folder):
    """Without cgroups: memory of every kind is watched, processes are counted by sandbox."""
    *ended, [tier, counts, text, beside] = run_as_nobody(LIMITED, folder)
    if tier == "plain":
        pytest.skip("there is no sandbox")
    assert ended == [["files", "out-of-memory"], ["segment", "out-of-memory"]]
    assert not counts or "Resource temporarily unavailable" in text
    assert beside == "goes on\n"
