"""SSH into sessions of the embedded cluster, and everything that builds on it."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pexpect
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("ssh", "sshd"),
]


@pytest.fixture(scope="module")
def session(shared):
    """A session that one can log in to."""
    started = shared.run("start", "-t", "mysess", "python")
    assert started.returncode == 0, started.stderr
    return "mysess"


@pytest.fixture(scope="module")
def ssh_config(shared, session, tmp_path_factory):
    """A configuration of OpenSSH in which sessions are hosts."""
    file = tmp_path_factory.mktemp("ssh") / "config"
    assert shared.run("ssh-config", "-F", str(file)).returncode == 0
    yield file
    openssh("ssh", "-F", file, "-O", "exit", f"{session}.atoll")


def openssh(*command):
    """Run a program of the user's own."""
    return subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )


def state(shared):
    return shared.home / "state" / "ssh"


def sums(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_command_s_output_and_exit_code(shared, session):
    ran = shared.run("ssh", session, "id -un; pwd; cat; exit 42", stdin="typed")
    assert (ran.returncode, ran.stdout) == (42, "work\n/home/work\ntyped")


def test_a_command_that_was_killed(shared, session):
    assert shared.run("ssh", session, "kill -TERM $$").returncode in {255, 128 + signal.SIGTERM}


def test_the_port_that_was_asked_for(shared, session):
    ran = shared.run("ssh", session, "-p", "9922", "echo $SSH_CONNECTION; echo there")
    assert ran.stdout.endswith("there\n")


def test_keys_are_private_and_go_with_their_session(shared, session):
    shared.run("start", "-t", "short-lived", "python")
    assert shared.run("ssh", "short-lived", "true").returncode == 0
    assert shared.run("restart", "short-lived").returncode == 0
    assert shared.run("ssh", "short-lived", "true").returncode == 0
    keys = set(state(shared).rglob("id_container"))
    for key in keys:
        assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    shared.run("rm", "short-lived")
    # Whatever is fetched next has what belongs to nobody any more thrown away.
    for container in state(shared).rglob("container"):
        container.unlink()
    assert shared.run("ssh", session, "true").returncode == 0
    assert len(keys - set(state(shared).rglob("id_container"))) == 1


def test_only_the_session_s_own_server_is_trusted(shared, session, tmp_path):
    shared.run("ssh", session, "true")
    known = [path for path in state(shared).rglob("known_hosts") if "names" not in path.parts]
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True
    )
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    before = {path: path.read_text() for path in known}
    for path in known:
        path.write_text(f"* {other}\n")
    refused = shared.run("ssh", session, "true")
    for path, text in before.items():
        path.write_text(text)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr
    assert shared.run("ssh", session, "true").returncode == 0


def test_a_terminal(shared, session):
    terminal = pexpect.spawn(
        str(shared.program()),
        ["ssh", session],
        env={**shared.environ(), "TERM": "xterm"},
        encoding="utf-8",
        timeout=60,
        dimensions=(33, 99),
    )
    terminal.sendline("stty size; cat; echo next")
    terminal.expect("33 99")
    # What comes while the shell is about to start the program, either may miss.
    terminal.sendline("to cat")
    terminal.expect("to cat\r\nto cat\r\n")
    terminal.sendintr()
    terminal.sendline("echo still $((40 + 2))")
    terminal.expect("still 42")
    terminal.sendline("exit 7")
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 7


def test_ssh_goes_on_in_the_background(shared, session, tmp_path):
    words = ["-f", f"sleep 1; echo late > {session}.late"]
    assert shared.run("ssh", session, *words).returncode == 0
    waited = shared.run("ssh", session, f"until [ -s {session}.late ]; do :; done; echo seen")
    assert waited.stdout == "seen\n"


def test_the_document_s_copies(shared, session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp" / "deep").mkdir(parents=True)
    for number in range(100):
        (tmp_path / "tmp" / "deep" / f"file {number}").write_bytes(os.urandom(number * 50))
    for line in ("-p 9922 -r tmp/ work@localhost:tmp2/", "-p 9922 -r work@localhost:tmp2/ tmp3/"):
        copied = shared.run("scp", session, *line.split())
        assert copied.returncode == 0, copied.stderr
    assert sums(tmp_path / "tmp3") == sums(tmp_path / "tmp")


def test_a_large_file_there_and_back(shared, session, tmp_path):
    (tmp_path / "large").write_bytes(os.urandom(2**23))
    assert shared.run("scp", session, str(tmp_path / "large"), ":large").returncode == 0
    assert shared.run("scp", session, ":large", str(tmp_path / "back")).returncode == 0
    assert sums(tmp_path)[Path("back")] == sums(tmp_path)[Path("large")]
    shared.run("ssh", session, "rm large")


def test_sftp(shared, session, tmp_path):
    (tmp_path / "batch").write_text("mkdir made\nls -1\n")
    ran = shared.run("sftp", session, "-b", str(tmp_path / "batch"))
    assert (ran.returncode, "made" in ran.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["ssh", "no-such-session"], 5, "no session has the name or id"),
        (["ssh", "mysess", "-p", "x"], 2, "is not a port"),
        (["scp", "mysess", "a"], 2, "needs a source and a target"),
        (["scp", "mysess", "a", "b"], 2, "neither source nor target"),
        (["scp", "mysess", "a", "elsewhere:b"], 2, "elsewhere is not session"),
        (["sftp", "mysess", "a", "b"], 2, "takes one path"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(shared, session, words, code, told):
    refused = shared.run(*words)
    assert refused.returncode == code
    [line] = refused.stderr.splitlines()
    assert told in line


def test_without_openssh(shared, session, tmp_path):
    kept = {**shared.environ(), "ATOLL_SSH_CLIENT": "builtin"}
    atoll = str(shared.program())
    options = {"capture_output": True, "text": True, "env": kept, "timeout": 60}
    ran = subprocess.run([atoll, "ssh", session, "cat; exit 3"], input="typed", **options)
    assert (ran.returncode, ran.stdout) == (3, "typed"), ran
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "file").write_bytes(os.urandom(2**20))
    for places in ([f"{tmp_path}/one/", ":two/"], [":two", f"{tmp_path}/three"]):
        copied = subprocess.run([atoll, "scp", session, "-r", *places], **options)
        assert copied.returncode == 0, copied
    assert sums(tmp_path / "three") == sums(tmp_path / "one")


def test_what_goes_wrong_without_openssh(shared, session, tmp_path):
    """A pipe is not waited for, and a line of sftp that fails is told and left behind."""
    kept = {**shared.environ(), "ATOLL_SSH_CLIENT": "builtin"}
    atoll = str(shared.program())
    options = {"capture_output": True, "text": True, "env": kept, "timeout": 60}
    (tmp_path / "tree").mkdir()
    os.mkfifo(tmp_path / "tree" / "pipe")
    copied = subprocess.run([atoll, "scp", session, "-r", f"{tmp_path}/tree", ":"], **options)
    assert copied.returncode == 255
    assert copied.stderr == f"scp: {tmp_path}/tree/pipe is neither a file nor a folder\n"

    nowhere = f"{tmp_path}/nowhere/x"
    copied = subprocess.run([atoll, "scp", session, ":id_container", nowhere], **options)
    assert copied.stderr == f"scp: id_container: {nowhere}: No such file or directory\n"

    lines = f"cd nowhere\nput {tmp_path}/nothing\nget 'half\npwd\n"
    sat = subprocess.run([atoll, "sftp", session], input=lines, **options)
    assert sat.stderr == "cd: nowhere is not a folder\nput: no such file or directory\n"
    assert sat.stdout.splitlines()[-1] == "Remote working directory: /home/work"


def test_sessions_are_hosts(ssh_config, session):
    ran = openssh("ssh", "-F", ssh_config, f"{session}.atoll", "echo there; exit 5")
    assert (ran.returncode, ran.stdout) == (5, "there\n"), ran.stderr
    lost = openssh("ssh", "-F", ssh_config, "no-such-session.atoll", "true")
    assert (lost.returncode, "no session has the name or id" in lost.stderr) == (255, True), (
        lost.stderr
    )


@pytest.fixture
def busy():
    """Keep the processors busy meanwhile."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.mark.parametrize(
    ("options", "calls"), [((), 52), (("-o", "ControlMaster=no", "-o", "ControlPath=none"), 8)]
)
def test_no_exit_code_is_lost_under_load(ssh_config, session, busy, options, calls):
    """Over a connection that eight begin to share at once, and over connections of their own."""
    openssh("ssh", "-F", ssh_config, "-O", "exit", f"{session}.atoll")
    host = ("ssh", "-F", ssh_config, *options, f"{session}.atoll")
    with ThreadPoolExecutor(8) as pool:
        ran = list(pool.map(lambda n: openssh(*host, f"echo {n}; exit {n}"), range(1, calls + 1)))
    found = [(one.returncode, one.stdout) for one in ran]
    assert found == [(n, f"{n}\n") for n in range(1, calls + 1)], ran


@pytest.mark.needs("rsync")
def test_rsync_by_name(ssh_config, session, tmp_path):
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    for number in range(200):
        (tmp_path / "tree" / "deep" / str(number)).write_bytes(os.urandom(1000))
    by_ssh = ["rsync", "-a", "-e", f"ssh -F {ssh_config}"]
    host = f"{session}.atoll"
    for places in ([f"{tmp_path}/tree/", f"{host}:synced/"], [f"{host}:synced/", f"{tmp_path}/b/"]):
        synced = openssh(*by_ssh, *places)
        assert synced.returncode == 0, synced.stderr
    assert sums(tmp_path / "b") == sums(tmp_path / "tree")


def test_the_document_s_own_recipe(shared, session, tmp_path):
    """`download id_container`, `app sshd -b PORT`, and a plain ssh."""
    assert shared.run("download", session, "id_container", "--dest", str(tmp_path)).returncode == 0
    with shared.start("app", session, "sshd", "-b", "0") as app:
        port = next(m[1] for line in app.stdout if (m := re.search(r"127\.0\.0\.1:(\d+)", line)))
        blind = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        where = ["-i", tmp_path / "id_container", "work@localhost", "-p", port]
        ran = openssh("ssh", *blind, *where, "echo there")
        app.send_signal(signal.SIGINT)
    assert (ran.returncode, ran.stdout) == (0, "there\n"), ran.stderr


def test_a_port_that_leads_there_already(shared, session, tmp_path):
    """`app … sshd -b 9922` in one terminal, `ssh -p 9922` in another; by both kinds of clients."""
    assert shared.run("start", "-t", "elsewhere", "python").returncode == 0
    with shared.start("app", session, "sshd", "-b", "0") as app:
        port = next(m[1] for line in app.stdout if (m := re.search(r"127\.0\.0\.1:(\d+)", line)))
        for client in ("auto", "builtin"):
            environ = {**shared.environ(), "ATOLL_SSH_CLIENT": client}
            atoll, options = str(shared.program()), {"capture_output": True, "text": True}
            ran = subprocess.run([atoll, "ssh", session, "-p", port, "cat"], input="there",
                                 env=environ, timeout=60, **options)  # fmt: skip
            assert (ran.returncode, ran.stdout, ran.stderr) == (0, "there", "")
        (tmp_path / "file").write_text("here")
        copied = shared.run("scp", session, "-p", port, str(tmp_path / "file"), ":from-here")
        assert copied.returncode == 0, copied
        sat = shared.run("sftp", session, "-P", port, stdin="ls from-here\n")
        assert "from-here" in sat.stdout
        # Of another session it is not believed, nor is anything else that happens to be there.
        refused = shared.run("ssh", "elsewhere", "-p", port, "true")
        assert refused.returncode == 1
        assert f"127.0.0.1:{port} is in use already" in refused.stderr
        app.send_signal(signal.SIGINT)
    assert app.returncode == 0
    shared.run("rm", "elsewhere")
