"""Connections that OpenSSH keeps open: the user's own, and the one that atoll's processes share."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import outcome
import pytest
import trio
from tests.transports.atoll_ssh.conftest import logins

from atoll_ssh.api import MOST_OUTPUT, Completed, connect
from atoll_ssh.contract import TooMuchOutput

RELAY = shlex.join([sys.executable, "-m", "atoll_ssh.relay"])


@pytest.fixture(params=["openssh"])
def carrier(request, monkeypatch):
    """Only OpenSSH shares connections."""
    monkeypatch.setenv("ATOLL_SSH_CLIENT", request.param)


@pytest.fixture
def ssh(known_bastion, user_home):
    """Run `ssh` to the bastion, whose config lets connections be shared."""
    short = Path(mkdtemp())  # a unix socket's path has room for a hundred characters
    config = user_home / ".ssh/config"
    config.write_text(
        f"Host 127.0.0.1\n ControlPath {short}/%C\n"
        f" UserKnownHostsFile {user_home}/.ssh/known_hosts\n"
        f" IdentityFile {user_home}/.ssh/id_ed25519\n"
    )

    def run(*words):
        target = known_bastion.via
        command = ["ssh", "-F", config, *words, target]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)

    yield run
    shutil.rmtree(short)


def joined(via, use):
    """Run `use(connection)`, under trio alone."""

    async def main():
        connection = connect(via)
        with trio.fail_after(60):
            result = await outcome.acapture(use, connection)
            await connection.aclose()
        return result.unwrap()

    return trio.run(main)


async def exchange(connection):
    """Say hello to a server on loopback through a connection; returns what it hears."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    async with (
        listener,
        await connection.dial("127.0.0.1", port) as stream,
        await listener.accept() as served,
    ):
        await stream.send_all(b"hello")
        return await served.receive_some()


def test_commands_and_streams_go_through_the_user_s_own(known_bastion, ssh):
    ssh("-M", "-N", "-f")

    async def use(connection):
        assert await exchange(connection) == b"hello"
        return await connection.run("cat; echo oh >&2; exit 7", b"bytes \xff")

    assert joined(known_bastion.via, use) == Completed(7, b"bytes \xff", b"oh\n")
    assert logins(known_bastion) == 1
    ssh("-O", "check")


def test_a_relay_goes_through_it(known_bastion, ssh):
    ssh("-M", "-N", "-f")

    async def use(connection):
        relay = connection.through(f"echo Welcome; exec {RELAY}")
        heard = await exchange(relay)
        await relay.aclose()
        return heard

    assert joined(known_bastion.via, use) == b"hello"
    assert logins(known_bastion) == 1


def test_after_the_end_of_the_master_we_log_in(known_bastion, ssh):
    ssh("-M", "-N", "-f")

    async def use(connection):
        first = await connection.run("echo 1")
        ssh("-O", "exit")
        return first.stdout + (await connection.run("echo 2")).stdout

    assert joined(known_bastion.via, use) == b"1\n2\n"
    assert logins(known_bastion) == 2


def test_a_command_that_prints_without_end_is_ended(known_bastion, ssh):
    ssh("-M", "-N", "-f")

    async def use(connection):
        await connection.run("exec yes")

    with pytest.raises(TooMuchOutput, match=f"prints more than {MOST_OUTPUT}"):
        joined(known_bastion.via, use)


def test_nothing_of_asyncssh_is_imported():
    code = (
        "import sys, atoll_ssh.openssh.connection; "
        "sys.exit(bool(sys.modules.keys() & {'asyncssh', 'asyncio'}))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_first_login_serves_other_processes_until_it_is_ended(known_bastion, user_home):
    async def say(connection):
        return (await connection.run("echo 1")).stdout

    assert joined(known_bastion.via, say) == b"1\n"
    assert joined(known_bastion.via, say) == b"1\n"
    assert logins(known_bastion) == 1

    async def end(connection):
        return await connection.end(), await connection.end()

    assert joined(known_bastion.via, end) == (True, False)
    assert joined(known_bastion.via, say) == b"1\n"
    assert logins(known_bastion) == 2


def test_a_connection_without_room_for_a_command_is_not_the_last(known_bastion, user_home):
    known_bastion.stop()
    known_bastion.options.append("MaxSessions 1")
    known_bastion.start()

    async def use(connection):
        busy, result = connect(known_bastion.via), []
        started, done = f"{user_home}/started", f"{user_home}/done"
        script = f"mkfifo {done}; echo > {started}; cat {done}"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy.run, script)
            while not await trio.Path(started).exists():
                await trio.lowlevel.checkpoint()
            result.append((await connection.run(f"echo 2; echo > {done}")).stdout)
        await busy.aclose()
        return result

    assert joined(known_bastion.via, use) == [b"2\n"]
    assert logins(known_bastion) == 2
