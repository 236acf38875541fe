"""SSH, SFTP and SCP into sessions, by OpenSSH's own clients, which check who they speak to."""

import os
import subprocess

import pytest

pytestmark = pytest.mark.needs("ssh", "sshd")


def test_commands_run_at_home_in_the_sessions_environment(client, session, login):
    turns = client.run(session, "open('left', 'w').write('behind')")
    assert turns[-1]["exitCode"] == 0
    answer = login.ssh("whoami; pwd; cat left; echo; echo $BACKENDAI_SESSION_NAME; exit 42")
    assert answer.stdout.split() == ["work", "/home/work", "behind", session], answer.stderr
    assert answer.returncode == 42


def test_input_ends_and_output_comes_whole(login):
    data = os.urandom(3_000_000)
    answer = login.ssh("cat; echo done >&2", input=data, text=False)
    assert answer.stdout == data
    assert answer.stderr.endswith(b"done\n")


def test_a_terminal_works(login):
    answer = login.ssh("tty; echo $TERM; stty size", options=("-tt",), input="")
    assert "/dev/pts/" in answer.stdout, answer.stderr


def test_ports_inside_are_forwarded(serve, login, port):
    serve("connection.sendall(b'from inside')")
    answer = login.ssh(options=("-W", f"127.0.0.1:{port}"), stdin=subprocess.DEVNULL)
    assert answer.stdout == "from inside", answer.stderr


@pytest.mark.parametrize("old", [False, True], ids=["sftp", "rcp"])
def test_files_are_copied(login, old):
    data = os.urandom(1_000_000)
    (login.folder / "data").write_bytes(data)
    words = ["-O"] if old else []
    there = login.run("scp", *words, str(login.folder / "data"), "work@here:new-name")
    assert there.returncode == 0, there.stderr
    back = login.run("scp", *words, "work@here:new*name", str(login.folder / "back"))
    assert back.returncode == 0, back.stderr
    assert (login.folder / "back").read_bytes() == data


def test_sftp_lists_and_makes(login):
    answer = login.run("sftp", "-b", "-", "work@here", input="mkdir there\nls -l\npwd\n")
    assert "id_container" in answer.stdout, answer.stderr
    assert "there" in answer.stdout
    assert "/home/work" in answer.stdout


def test_other_keys_and_other_users_stay_out(login):
    other = login.with_key("other")
    assert "Permission denied" in other.ssh("true").stderr
    assert "Permission denied" in login.run("ssh", "root@here", "true").stderr


def test_the_users_own_key_is_accepted(client, session, login):
    own = login.with_key("own")
    public = (login.folder / "own.pub").read_bytes()
    files = {"src": (".ssh/authorized_keys", public)}
    assert client.ask("POST", f"/session/{session}/upload", files=files).status_code == 204
    assert own.ssh("echo in").stdout == "in\n"


def test_keys_are_each_sessions_own_and_outlive_a_restart(client, session, login):
    before = login.host_key(client, session)
    assert client.ask("PATCH", f"/session/{session}").status_code == 204
    assert login.host_key(client, session) == before
    assert login.ssh("echo again").stdout == "again\n"
    client.create("the-other-one")
    assert login.host_key(client, "the-other-one") != before
    client.ask("DELETE", "/session/the-other-one", params={"forced": "true"})


def test_a_terminal_hangs_up_when_the_client_leaves(client, session, login):
    words = ["ssh", "-tt", *login.options, "work@here", "echo on; exec sleep 1234"]
    process = subprocess.Popen(
        words, env=login.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "on\n"
    process.kill()
    process.communicate()
    client.run(session, "import subprocess, time\nsleeping = ['pgrep', '-x', 'sleep']")
    code = "while subprocess.call(sleeping, stdout=-3) == 0: time.sleep(0.05)"
    assert client.run(session, code)[-1]["exitCode"] == 0


def test_the_host_key_lies_in_the_home_too(client, session, login):
    told = login.ssh("cat .ssh/ssh_host_keys.pub").stdout
    assert told.strip() == login.host_key(client, session)


def test_the_keypair_of_the_owner_lets_in_everywhere(shared, http, log_in):
    user = shared.client(http, "user")
    pair = user.ask("PATCH", "/auth/ssh-keypair").json()
    user.create("of-the-user")
    login = log_in(user, "of-the-user")
    identity = (login.folder / "id_container").read_text()
    assert identity.strip() == pair["ssh_private_key"].strip()
    assert login.ssh("cmp id_container .ssh/id_rsa && echo same").stdout == "same\n"
    user.ask("DELETE", "/session/of-the-user", params={"forced": "true"})


def test_a_folder_of_keys_lets_them_in(client, log_in):
    assert client.ask("POST", "/folders", json={"name": ".ssh"}).status_code in {200, 201}
    client.create("with-keys", config={"mounts": [".ssh"]})
    login = log_in(client, "with-keys").with_key("own")
    public = (login.folder / "own.pub").read_text()
    code = f"open('/home/work/.ssh/authorized_keys', 'w').write({public!r})"
    assert client.run("with-keys", code)[-1]["exitCode"] == 0
    assert login.ssh("cat .ssh/authorized_keys").stdout == public
    client.ask("DELETE", "/session/with-keys", params={"forced": "true"})
