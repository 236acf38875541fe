"""Attempts to break out of the sandbox, and what a kernel sees of the world."""

import secrets
from pathlib import Path

import pytest

from atoll_cluster.engine.services import own_python

pytestmark = pytest.mark.anyio


WRITABLE = """
import os
for folder, folders, files in os.walk("/proc"):
    if folder == "/proc":
        folders[:] = [name for name in folders if not name.isdigit() and name != "sys"]
        folders.append("sys")
    for name in files:
        path = os.path.join(folder, name)
        if not os.path.islink(path) and os.access(path, os.W_OK):
            print(path)
"""


@pytest.fixture
async def kernel(boxed, started):
    async with started(boxed, hostname="sub7", environ={"GREETING": "annyeong"}) as kernel:
        yield kernel


async def test_the_user_is_work_at_home(kernel, batch):
    story = await batch(kernel, exec="whoami; id -u; echo $HOME; pwd; hostname; echo $GREETING")
    assert story.stdout.split() == ["work", "1000", "/home/work", "/home/work", "sub7", "annyeong"]


async def test_files_of_the_host_are_invisible(boxed, kernel, query):
    secret = boxed.root.parent / "secret"
    secret.write_text("secret")
    hidden = [
        str(path) for path in (secret, boxed.root, kernel.home, Path.home() / ".cache", __file__)
    ]
    story = await query(kernel, f"import os\n[os.path.exists(p) for p in {hidden!r}]")
    assert story.stdout == "[False, False, False, False, False]\n"


async def test_the_root_and_the_home_folders_show_nothing_else(kernel, batch):
    # The Python that runs the cluster is shown, wherever it lies, for services to run on it.
    shown = {f"/{prefix.parts[1]}" for prefix in own_python.prefixes()}
    others = {"/root", "/etc/shadow", "/mnt", "/opt", "/srv", "/sys"} - shown
    story = await batch(kernel, exec=f"ls /home {' '.join(others)} 2>/dev/null")
    assert story.stdout == "/home:\nwork\n"
    story = await batch(kernel, exec="ls /etc/ssl/private /etc/ssh /run /var /tmp /home/work")
    assert "atoll" in story.stdout
    assert "ssh" not in story.stdout


@pytest.mark.parametrize("folder", ["/usr", "/usr/bin", "/etc", "/", "/run", "/run/atoll", "/home"])
async def test_the_system_is_not_writable(kernel, batch, folder):
    story = await batch(kernel, exec=f"touch {folder}/mark")
    assert story.exit_code == 1
    assert "Read-only" in story.stderr


async def test_the_kernels_own_folders_are_writable(kernel, batch):
    places = "/tmp /var /var/tmp /dev/shm /home/work"  # noqa: S108 - the kernel's own
    assert (await batch(kernel, exec=f"for d in {places}; do touch $d/mark; done")).exit_code == 0


async def test_kernel_parameters_of_the_machine_cannot_be_changed(kernel, batch):
    story = await batch(kernel, exec=f"python -c '{WRITABLE}'")
    harmless = {"/proc/keys", "/proc/timer_list"}
    assert story.exit_code == 0
    assert set(story.stdout.split()) <= harmless


async def test_processes_have_no_capabilities(kernel, batch):
    story = await batch(kernel, exec="grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status")
    values = {line.split()[0]: line.split()[1] for line in story.stdout.splitlines()}
    assert values.pop("NoNewPrivs:") == "1"
    assert set(values.values()) == {"0" * 16}


async def test_other_processes_are_invisible(boxed, spec, kernel, query, batch):
    name = f"sleep {secrets.randbelow(10**6)}.5"
    other = await boxed.start(spec("k2"))
    await query(other, f"import subprocess; p = subprocess.Popen({name.split()!r})")
    story = await batch(kernel, exec="cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ls -d /proc/[0-9]*")
    await other.stop(forced=True)
    assert name not in story.stdout
    assert len([line for line in story.stdout.splitlines() if "/proc/" in line]) < 10


async def test_the_home_of_another_kernel_cannot_be_accessed(boxed, spec, kernel, batch):
    other = await boxed.start(spec("k2"))
    (other.home / "diary").write_text("private")
    story = await batch(
        kernel, exec="find /home /run /tmp /var -name diary; cat /proc/1/root/../../diary 2>&1"
    )
    await other.stop(forced=True)
    assert "private" not in story.stdout
    assert "No such file" in story.stdout


async def test_the_environment_of_the_cluster_is_not_visible(monkeypatch, boxed, spec, batch):
    monkeypatch.setenv("CLUSTER_SECRET", "hunter2")
    kernel = await boxed.start(spec("k3"))
    story = await batch(kernel, exec="env; cat /proc/[0-9]*/environ")
    await kernel.stop(forced=True)
    assert "hunter2" not in story.stdout


async def test_command_lines_show_nothing_of_the_host(boxed, kernel, batch):
    story = await batch(kernel, exec="cat /proc/[0-9]*/cmdline")
    assert str(boxed.root) not in story.stdout


async def test_a_session_cannot_type_into_its_terminal(kernel, batch):
    story = await batch(kernel, exec="echo x > /dev/tty")
    assert story.exit_code != 0


@pytest.mark.usefixtures("boxed")
async def test_the_network_can_be_taken_away(make_engine, started, query):
    async with started(make_engine(network=False), "k4") as alone:
        story = await query(alone, "print(open('/proc/net/dev').read())")
        assert story.stdout.count(":") == story.stdout.count("lo:") == 1
        code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
"""
        assert (await query(alone, code)).exit_code == 0


async def test_plain_processes_have_a_home(make_engine, started, query):
    engine = make_engine(plain=True)
    async with started(engine, "k5") as kernel:
        story = await query(kernel, "import os; print(os.environ['HOME'], os.getcwd())")
        assert story.stdout.split() == [str(kernel.home)] * 2
        assert str(engine.probe) == "plain processes: set in the settings"
