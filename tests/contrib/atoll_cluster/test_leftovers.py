"""What sessions and the program leave behind: logs, and nothing else."""

import os
import signal
import time
from pathlib import Path

import pytest
from tests.contrib.processes import working_in

CGROUPS = Path("/sys/fs/cgroup")


def groups(kernel_ids):
    names = [name for _, folders, _ in os.walk(CGROUPS) for name in folders]
    return [name for name in names if any(kernel_id in name for kernel_id in kernel_ids)]


def kernels(program):
    return {path.name for path in (program.data / "kernels").iterdir() if path.is_dir()}


def goes(look):
    """Tell whether what is there goes away soon: sessions are ended before they are tidied up."""
    end = time.monotonic() + 60
    while look() and time.monotonic() < end:
        time.sleep(0.02)
    return not look()


def fill(client, name):
    client.create(name, clusterSize=2)
    client.run(name, "import subprocess; open('big', 'wb').write(bytes(1000)); print('words')")
    client.run(name, "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)")


def test_an_ended_session_leaves_only_its_log(program, http):
    client = program.start().client(http)
    fill(client, "ending")
    ids = kernels(program)
    assert len(ids) == 2
    assert client.ask("DELETE", "/session/ending").status_code == 200
    assert goes(lambda: kernels(program))
    assert goes(lambda: groups(ids))
    assert goes(lambda: working_in(program.data))
    assert client.ask("GET", "/session/ending/logs").json()["result"]["logs"] == "words\n"


@pytest.mark.parametrize("killed_before", [True, False])
def test_a_stopped_program_leaves_nothing(program, http, killed_before):
    client = program.start().client(http)
    fill(client, "first")
    client.create("queued", type="batch", startupCommand="true", starts_at="1h", enqueueOnly=True)
    if killed_before:
        program.end(signal.SIGKILL)
        program.start()
    ids = kernels(program)
    assert working_in(program.data)
    assert program.end() == 0
    assert len(ids) == 2
    assert not kernels(program)
    assert not groups(ids)
    assert not working_in(program.data)
    assert str(program.data) not in Path("/proc/mounts").read_text()
