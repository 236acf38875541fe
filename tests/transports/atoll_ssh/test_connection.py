"""Streams through a real OpenSSH server: what travels, which hosts are trusted, what is said."""

import getpass
import hashlib
import shlex
import socket
import sys
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

import asyncssh
import outcome
import pytest
import trio

from atoll import (
    AtollError,
    ConfigError,
    ExitCode,
    NotAuthorized,
    Unreachable,
    UsageError,
    current_context,
)
from atoll._runtime import run_guest
from atoll.transport import NotSent
from atoll_ssh.api import Completed, NoForwarding, connect, uses_openssh
from atoll_ssh.bastion import Bastion


@asynccontextmanager
async def echoing():
    """Serve echoes on loopback; gives the port."""

    async def echo(stream):
        with suppress(trio.BrokenResourceError):
            async for chunk in stream:
                await stream.send_all(chunk)
            await stream.send_all(b"end")
            await stream.send_eof()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, echo, 0)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def dialing(via, use):
    """Run `use(dialer, port)` beside an echo server; only asyncssh needs asyncio."""

    async def main():
        dialer = connect(via)
        with trio.fail_after(60):
            async with echoing() as port:
                result = await outcome.acapture(use, dialer, port)
                await dialer.aclose()
        # Raised here, outside of the nursery that would make a group of it.
        return result.unwrap()

    return running(main)


def running(main):
    return trio.run(main) if uses_openssh() else run_guest(main)


async def read_all(stream):
    return b"".join([bytes(chunk) async for chunk in stream])


async def hello(dialer, port):
    stream = await dialer.dial("localhost", port)
    async with stream:
        await stream.send_all(b"hello")
        await stream.send_eof()
        return await read_all(stream)


class Asked:
    """Stands for a command at a terminal, where somebody answers."""

    can_ask = True
    settings: ClassVar = {"ssh.persist": 1}

    def __init__(self, answer):
        self.answer = answer
        self.questions = []

    async def confirm(self, question):
        self.questions.append(question)
        if self.answer is None:
            raise UsageError("no terminal")
        return self.answer


@pytest.fixture
def asked():
    """Have somebody, or nobody, answer questions."""
    tokens = []

    def answering(answer):
        someone = Asked(answer)
        tokens.append(current_context.set(someone))
        return someone

    yield answering
    for token in reversed(tokens):
        current_context.reset(token)


def test_a_half_closed_stream_keeps_what_is_still_to_come(known_bastion):
    assert dialing(known_bastion.via, hello) == b"helloend"


def test_bulk_arrives_whole_both_ways_at_once(known_bastion):
    bulk = bytes(range(256)) * 40_000

    async def use(dialer, port):
        received = bytearray()
        async with await dialer.dial("localhost", port) as stream, trio.open_nursery() as nursery:

            async def send():
                await stream.send_all(bulk)
                await stream.send_eof()

            nursery.start_soon(send)
            async for chunk in stream:
                received += chunk
        return hashlib.sha256(received).hexdigest()

    assert dialing(known_bastion.via, use) == hashlib.sha256(bulk + b"end").hexdigest()


def test_all_streams_share_one_connection(known_bastion):
    async def use(dialer, port):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(hello, dialer, port)

    dialing(known_bastion.via, use)
    assert known_bastion.log.count("Accepted publickey") == 1


def test_a_bastion_that_was_gone_is_dialed_again(known_bastion):
    async def use(dialer, port):
        before = await hello(dialer, port)
        async with await dialer.dial("localhost", port) as cut:
            known_bastion.stop()
            assert await cut.receive_some() == b""
        known_bastion.start()
        return before, await hello(dialer, port)

    assert dialing(known_bastion.via, use) == (b"helloend", b"helloend")


def test_a_stream_that_is_given_up_ends_at_the_other_side(known_bastion):
    async def use(dialer, _port):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            stream = await dialer.dial("127.0.0.1", listener.socket.getsockname()[1])
            async with await listener.accept() as far:
                await stream.aclose()
                return await far.receive_some()

    assert dialing(known_bastion.via, use) == b""


def test_an_unreachable_target_counts_as_not_sent(known_bastion):
    async def use(dialer, _port):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        await dialer.dial("127.0.0.1", port)

    with pytest.raises(NotSent, match=r"can't reach 127\.0\.0\.1:\d+: connect"):
        dialing(known_bastion.via, use)


def test_a_host_that_forbids_forwarding_says_so(strict_host):
    with pytest.raises(NoForwarding, match="does not forward connections"):
        dialing(strict_host.via, hello)


RELAY = f"{shlex.quote(sys.executable)} -m atoll_ssh.relay"


@pytest.fixture
def strict_host(make_sshd, user_home):
    """A known host that forwards nothing."""
    sshd = make_sshd()
    sshd.authorize(user_home / ".ssh" / "id_ed25519.pub")
    sshd.options.append("AllowTcpForwarding no")
    sshd.start()
    line = f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n"
    (user_home / ".ssh" / "known_hosts").write_text(line)
    return sshd


@pytest.mark.parametrize("noise", ["", "echo Welcome; echo; "])
def test_a_relay_forwards_where_the_host_does_not(strict_host, noise):
    """Twenty streams at once, which is more than a host gives channels."""

    async def use(connection, port):
        relay = connection.through(noise + RELAY)
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(hello, relay, port)
            return await hello(relay, port)
        finally:
            await relay.aclose()

    assert dialing(strict_host.via, use) == b"helloend"


def test_a_command_that_is_no_relay_is_reported(strict_host):
    async def use(connection, port):
        await connection.through("echo no such program").dial("localhost", port)

    with pytest.raises(NotSent, match=r"no relay runs at .*: it ends"):
        dialing(strict_host.via, use)


def test_commands_are_run_with_their_input(known_bastion):
    async def use(connection, _port):
        return await connection.run("cat; echo oh >&2; exit 7", b"bytes \xff")

    assert dialing(known_bastion.via, use) == Completed(7, b"bytes \xff", b"oh\n")


def test_a_command_that_prints_without_end_is_ended(known_bastion):
    async def use(connection, _port):
        await connection.run("yes")

    with pytest.raises(AtollError, match="yes prints more than"):
        dialing(known_bastion.via, use)


def test_the_config_names_the_files_of_known_hosts(bastion, user_home):
    known = user_home / "elsewhere"
    known.write_text(f"lab.example {bastion.host_key}\n")
    (user_home / ".ssh" / "config").write_text(
        f"Host lab\n HostName 127.0.0.1\n Port {bastion.port}\n HostKeyAlias lab.example\n"
        f" User {getpass.getuser()}\n UserKnownHostsFile {known}\n"
    )
    assert dialing("ssh://lab", hello) == b"helloend"


def test_an_unknown_host_is_asked_about_once_and_pinned(bastion, user_home, asked, carrier):
    known = user_home / ".ssh" / "known_hosts"
    # OpenSSH itself needs files that end with a newline.
    known.write_text("other.example ssh-ed25519 AAAA" + "\n" * (carrier == "openssh"))
    someone = asked(True)
    assert dialing(bastion.via, hello) == b"helloend"
    assert dialing(bastion.via, hello) == b"helloend"
    [question] = someone.questions
    assert asyncssh.import_public_key(bastion.host_key).get_fingerprint() in question
    first, pinned = known.read_text().splitlines()
    assert first == "other.example ssh-ed25519 AAAA"
    # OpenSSH may write a hash of the name.
    assert pinned.endswith(f" {bastion.host_key}")


@pytest.mark.parametrize("answer", [False, None], ids=["no", "nobody to ask"])
def test_an_unknown_host_is_refused_with_its_fingerprint(bastion, user_home, asked, answer):
    asked(answer)
    with pytest.raises(NotAuthorized) as caught:
        dialing(bastion.via, hello)
    assert asyncssh.import_public_key(bastion.host_key).get_fingerprint() in str(caught.value)
    assert caught.value.exit_code == ExitCode.UNAUTHORIZED
    assert not (user_home / ".ssh" / "known_hosts").exists()


def test_what_runs_in_the_background_asks_nothing(bastion):
    with pytest.raises(NotAuthorized, match="is not known"):
        dialing(bastion.via, hello)


def test_a_changed_host_is_refused_without_asking(bastion, make_sshd, user_home, asked):
    someone, other = asked(True), make_sshd()
    line = f"[127.0.0.1]:{bastion.port} {other.host_key}\n"
    (user_home / ".ssh" / "known_hosts").write_text(line)
    with pytest.raises(NotAuthorized, match="has changed") as caught:
        dialing(bastion.via, hello)
    assert f'ssh-keygen -R "[127.0.0.1]:{bastion.port}"' in caught.value.hint
    assert someone.questions == []


def test_a_key_that_the_bastion_does_not_take(make_sshd, user_home):
    sshd = make_sshd()
    sshd.start()
    line = f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n"
    (user_home / ".ssh" / "known_hosts").write_text(line)
    with pytest.raises(NotAuthorized, match="refuses the login"):
        dialing(sshd.via, hello)


def test_the_agent_s_keys_are_used(known_bastion, user_home, ssh_agent):
    ssh_agent.add(user_home / ".ssh" / "id_ed25519")
    (user_home / ".ssh" / "id_ed25519").unlink()
    assert dialing(known_bastion.via, hello) == b"helloend"


def test_the_ssh_config_is_honoured(known_bastion, user_home):
    (user_home / ".ssh" / "id_ed25519").rename(user_home / "a-key")
    (user_home / ".ssh" / "config").write_text(
        f"Host front\n  HostName 127.0.0.1\n  Port {known_bastion.port}\n"
        f"  IdentityFile {user_home / 'a-key'}\n"
    )
    assert dialing("ssh://front", hello) == b"helloend"


def test_a_jump_before_the_bastion(known_bastion, make_sshd, user_home):
    jump = make_sshd()
    jump.authorize(user_home / ".ssh" / "id_ed25519.pub")
    jump.start()
    with (user_home / ".ssh" / "known_hosts").open("a") as known:
        known.write(f"[127.0.0.1]:{jump.port} {jump.host_key}\n")
    (user_home / ".ssh" / "config").write_text(
        f"Host inner\n  HostName 127.0.0.1\n  Port {known_bastion.port}\n"
        f"  ProxyJump 127.0.0.1:{jump.port}\n"
    )
    assert dialing("ssh://inner", hello) == b"helloend"
    assert jump.log.count("Accepted publickey") == 1


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotSent, match="connection refused"):
        dialing(f"ssh://127.0.0.1:{port}", hello)


def test_something_else_listens():
    async def main():
        async def not_ssh(stream):
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, not_ssh, 0)
            port = listeners[0].socket.getsockname()[1]
            with pytest.raises(Unreachable, match="no SSH connection"):
                await connect(f"ssh://127.0.0.1:{port}").dial("localhost", 1)
            nursery.cancel_scope.cancel()

    running(main)


def test_giving_up_while_it_connects():
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            with trio.move_on_after(0.1) as scope:
                await connect(f"ssh://127.0.0.1:{port}").dial("localhost", 1)
            return scope.cancelled_caught

    assert running(main)


@pytest.mark.parametrize(
    "via", ["ssh://", "ssh://host/path", "ssh://me:secret@host", "ssh://host:port", "ssh://h?x=1"]
)
def test_an_invalid_via_is_refused(via):
    with pytest.raises(ConfigError, match="via: ") as caught:
        Bastion.parse(via)
    assert "secret" not in str(caught.value)
