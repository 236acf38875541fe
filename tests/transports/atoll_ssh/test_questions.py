"""Hosts that ask for a code at each login: who is asked, how often, and what is said."""

from typing import ClassVar

import asyncssh
import outcome
import pytest
import trio
from attrs import define, field

from atoll import ExitCode, NotAuthorized, aio, current_context
from atoll._runtime import run_guest
from atoll_ssh.api import connect
from atoll_ssh.user_questions import NoTerminal


@define
class Person:
    """Stands for a command at a terminal, where somebody types codes."""

    answers: list[str]
    can_ask: bool = True
    takes: float = 0
    asked: list[tuple[str, bool]] = field(factory=list)
    noted: list[str] = field(factory=list)
    settings: dict[str, int] = field(factory=lambda: {"ssh.persist": 1})

    @property
    def output(self):
        return self

    def note(self, text):
        self.noted.append(text)

    async def ask(self, question, *, hidden=False):
        self.asked.append((question, hidden))
        await trio.sleep(self.takes)
        return self.answers.pop(0)


class AskingServer(asyncssh.SSHServer):
    """Lets in who knows the code of today."""

    logins = 0
    connections: ClassVar = []

    def connection_made(self, conn):
        self.connections.append(conn)

    def begin_auth(self, _username):
        type(self).logins += 1
        return True

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, _username, _lang, _submethods):
        return "", "Two\x1b[31m factors", "", [("Verification code: ", False)]

    def validate_kbdint_response(self, _username, responses):
        return responses == ["123456"]


def work(process):
    process.stdout.write(process.command or "")
    process.exit(0)


def with_host(user_home, use):
    """Run `use(connection)` as asyncio's guest, beside a host that asks."""
    AskingServer.logins = 0
    key = asyncssh.generate_private_key("ssh-ed25519")

    async def main():
        server = await aio(
            asyncssh.create_server,
            AskingServer,
            "127.0.0.1",
            0,
            server_host_keys=[key],
            process_factory=work,
        )
        port = server.get_port()
        line = f"[127.0.0.1]:{port} {key.export_public_key().decode()}"
        (user_home / ".ssh/known_hosts").write_text(line)
        connection = connect(f"ssh://me@127.0.0.1:{port}")
        with trio.fail_after(60):
            result = await outcome.acapture(use, connection)
            await connection.aclose()
        server.close()
        await aio(server.wait_closed)
        while AskingServer.connections:  # also one that OpenSSH keeps open
            connection = AskingServer.connections.pop()
            connection.abort()
            await aio(connection.wait_closed)
        return result.unwrap()

    return run_guest(main)


@pytest.fixture
def person():
    """Have somebody at the terminal."""
    someone = Person([])
    token = current_context.set(someone)
    yield someone
    current_context.reset(token)


async def say_twice(connection):
    first = await connection.run("one")
    return first.stdout + (await connection.run("two")).stdout


def test_a_code_is_asked_for_once_a_connection(user_home, person, carrier):
    person.answers = ["123456"]
    assert with_host(user_home, say_twice) == b"onetwo"
    assert person.asked == [("Verification code", True)]
    escape = r"\033" if carrier == "openssh" else "\N{REPLACEMENT CHARACTER}"
    assert person.noted == [f"Two{escape}[31m factors"]


def test_a_wrong_code_is_refused_and_not_asked_for_again(user_home, person):
    person.answers = ["654321", "123456"]
    with pytest.raises(NotAuthorized, match="does not accept that answer"):
        with_host(user_home, say_twice)
    assert len(person.asked) == 1


def test_where_nobody_can_be_asked_that_is_said_in_a_line(user_home, person):
    person.can_ask = False
    with pytest.raises(NoTerminal, match="asks at its login: Verification code") as caught:
        with_host(user_home, say_twice)
    assert caught.value.exit_code == ExitCode.UNAUTHORIZED
    assert person.asked == []


def test_a_login_without_a_terminal_is_tried_only_once(user_home, person):
    """Hosts count failed logins; the prompt looks things up by itself all the time."""
    person.can_ask, person.answers = False, ["123456"]

    async def use(connection):
        for _ in range(3):
            with pytest.raises(NoTerminal):
                await connection.run("one")
        logins = AskingServer.logins
        person.can_ask = True
        return logins, await say_twice(connection)

    assert with_host(user_home, use) == (1, b"onetwo")


def test_the_user_may_take_time_to_type(user_home, person, monkeypatch):
    for module in ("builtin.login", "openssh.questions"):
        monkeypatch.setattr(f"atoll_ssh.{module}.LOGIN_TIMEOUT", 3.0)
    person.answers, person.takes = ["123456"], 3.5
    assert with_host(user_home, say_twice) == b"onetwo"
