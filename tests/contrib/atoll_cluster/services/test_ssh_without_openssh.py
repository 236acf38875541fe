"""SSH where OpenSSH's server can't be used: without a sandbox, there is no user `work` for it."""

import os
import subprocess

import pytest

pytestmark = pytest.mark.needs("ssh")


ARGUMENTS = ("--sandbox", "plain")


def test_commands_input_and_exit_codes(session, login):
    data = os.urandom(3_000_000)
    command = "echo $BACKENDAI_SESSION_NAME in $PWD >&2; cat; exit 42"
    answer = login.ssh(command, input=data, text=False)
    assert answer.stdout == data, answer.stderr
    assert answer.returncode == 42
    assert answer.stderr.decode().startswith(f"{session} in ")


def test_a_command_ended_by_a_signal_is_reported(login):
    assert login.ssh("kill -TERM $$").returncode == 255


def test_a_terminal_works(login):
    answer = login.ssh("tty; read line; echo got $line", options=("-tt",), input="typed\n")
    assert "/dev/pts/" in answer.stdout, answer.stderr
    assert "got typed" in answer.stdout


def test_ports_inside_are_forwarded(serve, login, port):
    serve("connection.sendall(b'from inside')")
    answer = login.ssh(options=("-W", f"127.0.0.1:{port}"), stdin=subprocess.DEVNULL)
    assert answer.stdout == "from inside", answer.stderr


@pytest.mark.parametrize("old", [False, True], ids=["sftp", "rcp"])
def test_files_are_copied(login, old):
    data = os.urandom(1_000_000)
    (login.folder / "data").write_bytes(data)
    words = ["-O"] if old else []
    there = login.run("scp", *words, str(login.folder / "data"), "work@here:there")
    assert there.returncode == 0, there.stderr
    back = login.run("scp", *words, "work@here:there", str(login.folder / "back"))
    assert back.returncode == 0, back.stderr
    assert (login.folder / "back").read_bytes() == data


def test_other_keys_and_other_users_stay_out(login):
    assert "Permission denied" in login.with_key("other").ssh("true").stderr
    assert "Permission denied" in login.run("ssh", "root@here", "true").stderr


def test_a_terminal_hangs_up_when_the_client_leaves(login):
    words = ["ssh", "-tt", *login.options, "work@here", "echo pid $$; exec sleep 1234"]
    process = subprocess.Popen(
        words, env=login.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    sleeping = process.stdout.readline().split()[1]
    process.kill()
    process.communicate()
    answer = login.ssh(f"while kill -0 {sleeping} 2>&-; do :; done; echo gone")
    assert answer.stdout == "gone\n"
