"""A disk without space: what needs none goes on, the rest is refused, and nothing is lost."""

import subprocess

import pytest

FILL = """
file = open("filler", "wb")
try:
    file.write(bytes(1 << 26)); file.flush()
except OSError as error:
    print(error.strerror)
"""


@pytest.fixture
def small(tmp_path, program):
    """A program on a disk of its own, of three MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    program.data = disk / "data"
    program.start()
    yield program
    if program.process is not None:
        program.end()
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk(small, http):
    client = small.client(http)
    client.create("full", config={"resources": {"cpu": 0.1}})
    assert client.console(client.run("full", FILL)) == "No space left on device\n"

    assert client.ask("GET", "/session/full").json()["status"] == "RUNNING"
    assert client.console(client.run("full", "print('going on')")) == "going on\n"
    refused = client.ask("POST", "/session", json={"name": "more", "image": "python"})
    assert "No space is left" in refused.json()["msg"]
    refused = client.ask("DELETE", "/session/full")
    assert "No space is left" in refused.json()["msg"]
    assert client.ask("GET", "/session/more").status_code == 404

    client.run("full", "import os; file.close(); os.remove('filler')")
    client.create("more", config={"resources": {"cpu": 0.1}})
    for name in ("full", "more"):
        assert client.ask("DELETE", f"/session/{name}").status_code == 200
    assert small.end() == 0
