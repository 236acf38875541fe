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
from atoll_local.engine.contract import KernelSpec, Output
from atoll_local.engine.local import LocalEngine

CODE = '''
id -un; pwd; cat /etc/hostname
test -e "$0" && echo sees the host
touch /usr/mark || echo usr is read-only
ls -d /proc/[0-9]* | wc -l
'''

async def main(root):
    engine = LocalEngine(Path(root))
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(PYTHON is None, reason="there is no system Python")
def test_a_plain_user_gets_the_same_sandbox(folder):
    search = [path for path in sys.path if not Path(path).is_relative_to(sys.base_prefix)]
    result = subprocess.run(
        [PYTHON, "-c", PROGRAM, str(folder)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd=folder,
        env={"PYTHONPATH": ":".join(search), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    if "ModuleNotFoundError" in result.stderr:
        pytest.skip("the system's Python is another version than the tests'")
    assert result.returncode == 0, result.stderr
    probe, text, reason = json.loads(result.stdout)
    if not probe.startswith("bubblewrap"):
        pytest.skip(probe)
    assert "sees the host" not in text
    assert "usr is read-only" in text
    name, home, hostname, *_, processes = [line for line in text.splitlines() if "mark" not in line]
    assert (name, home, hostname) == ("work", "/home/work", "main1")
    assert int(processes) < 10
    assert reason == "user-requested"
