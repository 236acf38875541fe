"""The official client, run as its users run it; `ATOLL_OFFICIAL_CLIENT` names the program.

Any release will do: the names of the commands that moved are tried in both places.
"""

import os
import subprocess

import pytest

CLIENT = os.environ.get("ATOLL_OFFICIAL_CLIENT", "")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not CLIENT, reason="ATOLL_OFFICIAL_CLIENT names no client"),
]


@pytest.fixture
def official(client, tmp_path):
    """Run the client in an empty folder; returns its exit code and all it printed."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "BACKEND_ENDPOINT": client.endpoint,
        "BACKEND_ENDPOINT_TYPE": "api",
        "BACKEND_ACCESS_KEY": client.access_key,
        "BACKEND_SECRET_KEY": client.secret_key,
        "PYTHONWARNINGS": "ignore",
    }

    def run(*arguments):
        found = subprocess.run(
            [CLIENT, *arguments],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return found.returncode, found.stdout + found.stderr

    return run


def either(official, *arguments):
    """Run a command of today's client, or the same without `session` as older ones have it."""
    code, text = official("session", *arguments)
    return official(*arguments) if "No such command" in text else (code, text)


def test_life_of_a_session(official, client, tmp_path):
    code, text = official("run", "-t", "off-1", "-c", "print(6 * 7)", "python")
    assert (code, "42" in text) == (0, True), text
    assert "off-1" in official("ps")[1]
    (tmp_path / "data.txt").write_text("some data")
    assert either(official, "upload", "off-1", "data.txt")[0] == 0
    assert "data.txt" in either(official, "ls", "off-1")[1]
    (tmp_path / "data.txt").unlink()
    code, text = either(official, "download", "off-1", "data.txt")
    assert code == 0, text
    assert (tmp_path / "data.txt").read_text() == "some data"
    assert "42" in either(official, "logs", "off-1")[1]
    assert official("rm", "off-1")[0] == 0
    assert client.ask("GET", "/session/off-1").status_code == 404


def test_files_built_and_run(official, tmp_path):
    (tmp_path / "main.py").write_text("import sys; print('ran', sys.argv[1])")
    steps = ("--build", "echo building", "--exec", "python3 main.py well")
    code, text = official("run", "--rm", "-t", "off-2", *steps, "python", "main.py")
    assert code == 0
    assert "building" in text
    assert "ran well" in text


def test_an_unknown_image_is_reported(official):
    assert "unknown image: tensorflow" in official("run", "-c", "1", "tensorflow")[1]


def test_admin_lists(official):
    text = official("admin", "agent", "list")[1]
    if "i-local" not in text:
        text = official("admin", "agents")[1]
    assert "i-local" in text
