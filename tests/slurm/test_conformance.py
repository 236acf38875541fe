"""The tests that every engine must pass, run by a user of the site on its login node."""

import io
import shlex
import subprocess
import tarfile
from importlib.util import find_spec
from pathlib import Path

BROUGHT = ("py", "pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments")
"""What the login node lacks for them; all else comes with atoll."""
SUITE = """
from pathlib import Path
import shutil
import pytest
from atoll_cluster.testing import LauncherTests

class TestSlurm(LauncherTests):
    launcher = "atoll_slurm.launcher:launcher"
    settings = {"extra": "--nodelist=n2", "time": "10"}
    places = 2

    @pytest.fixture
    def root(self):
        folder = Path.home() / "conformance/kernels"
        folder.mkdir(mode=0o700)
        yield folder
        shutil.rmtree(folder)
"""


def test_the_engine_keeps_its_contract(lab):
    send(lab)
    try:
        python = "~/.local/share/atoll/host/current/bin/python"
        told = lab.ssh(
            f"cd ~/conformance && PYTHONPATH=. {python} -m pytest -q -p no:cacheprovider "
            "test_slurm.py 2>&1 | tail -n 40"
        )
    finally:
        lab.ssh("rm -rf ~/conformance")
    summary = told.strip().splitlines()[-1]
    assert " passed in " in summary, told
    assert not lab.ssh("squeue --me -h -o %j | grep ^work || true")


def send(lab):
    """Put the suite, and pytest, into a folder of the user there."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in BROUGHT:
            origin = Path(find_spec(name).origin)
            path = origin.parent if origin.name == "__init__.py" else origin
            archive.add(path, path.name, filter=without_caches)
        suite = tarfile.TarInfo("test_slurm.py")
        suite.size = len(SUITE)
        archive.addfile(suite, io.BytesIO(SUITE.encode()))
    command = "mkdir ~/conformance && tar -xf - -C ~/conformance"
    argv = ["ssh", "-F", f"{lab.home}/.ssh/config", lab.host, shlex.join(["sh", "-c", command])]
    subprocess.run(argv, input=packed.getvalue(), check=True)


def without_caches(member):
    return None if "__pycache__" in member.name else member
