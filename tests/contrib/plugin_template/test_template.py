"""What a plugin's author copies works: it installs, its own tests pass, and its command runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[3] / "contrib" / "plugin-template"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    """The environment of a machine where the template is installed."""
    home = tmp_path_factory.mktemp("census")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", home / "site", TEMPLATE], check=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("BACKEND_", "ATOLL_"))}
    return {**kept, "PYTHONPATH": str(home / "site"), "ATOLL_HOME": str(home / "atoll")}


def test_its_own_tests_pass(environ):
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", TEMPLATE, TEMPLATE / "tests"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options], env=environ, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout
    assert "6 passed" in ran.stdout


def test_its_command_runs(environ):
    def atoll(*words):
        program = Path(sys.executable).with_name("atoll")
        return subprocess.run([program, *words], env=environ, capture_output=True, text=True)

    try:
        assert atoll("start", "-t", "counted", "python").returncode == 0
        counted = atoll("census", "--output", "csv")
        assert (counted.returncode, counted.stdout) == (0, "status,sessions\nRUNNING,1\n")
    finally:
        assert atoll("local", "down").returncode == 0
