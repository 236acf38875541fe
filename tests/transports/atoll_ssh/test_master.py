"""The connection that a user's own OpenSSH keeps open: used where it is, missed where it is not."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import outcome
import pytest
import trio

from atoll._runtime import run_guest
from atoll_ssh.connection import Completed, NoForwarding, connect_or_join
from atoll_ssh.master import MOST_OUTPUT, TooMuch

RELAY = shlex.join([sys.executable, "-m", "atoll_ssh.relay"])


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
    """Run `use(connection)` as asyncio's guest."""

    async def main():
        connection = connect_or_join(via)
        with trio.fail_after(20):
            result = await outcome.acapture(use, connection)
            await connection.aclose()
        return result.unwrap()

    return run_guest(main)


def logins(bastion):
    return bastion.log.count("Accepted publickey")


def test_commands_go_through_it(known_bastion, ssh):
    ssh("-M", "-N", "-f")

    async def use(connection):
        with pytest.raises(NoForwarding):
            await connection.dial("localhost", 1)
        return await connection.run("cat; echo oh >&2; exit 7", b"bytes \xff")

    assert joined(known_bastion.via, use) == Completed(7, b"bytes \xff", b"oh\n")
    assert logins(known_bastion) == 1


def test_a_relay_goes_through_it(known_bastion, ssh):
    ssh("-M", "-N", "-f")

    async def use(connection):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        relay = connection.through(f"echo Welcome; exec {RELAY}")
        async with await relay.dial("127.0.0.1", port) as stream, listener:
            served = await listener.accept()
            await stream.send_all(b"hello")
            heard = await served.receive_some()
            await served.aclose()
        await relay.aclose()
        return heard

    assert joined(known_bastion.via, use) == b"hello"
    assert logins(known_bastion) == 1


def test_one_that_has_ended_is_missed_and_we_log_in(known_bastion, ssh):
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

    with pytest.raises(TooMuch, match=f"prints more than {MOST_OUTPUT}"):
        joined(known_bastion.via, use)


def test_without_one_nothing_is_different(known_bastion, ssh):
    async def use(connection):
        return await connection.run("echo 1")

    assert joined(known_bastion.via, use).stdout == b"1\n"
