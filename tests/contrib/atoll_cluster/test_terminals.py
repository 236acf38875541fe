"""A shell in a terminal over a websocket."""

import base64
import json
from contextlib import suppress

import pytest
from attrs import define
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

DEADLINE = 60


@define
class Screen:
    """What a client of a terminal sees and does."""

    socket: ClientConnection
    seen: str = ""

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def type(self, text):
        self.send(type="stdin", chars=base64.b64encode(text.encode()).decode())

    def until(self, text):
        while text not in self.seen:
            message = json.loads(self.socket.recv(DEADLINE))
            assert message["type"] == "out", message
            self.seen += base64.b64decode(message["data"]).decode()
        _, _, self.seen = self.seen.partition(text)


@pytest.fixture
def screen(client, request):
    client.create(request.node.originalname[5:40])
    with client.stream(request.node.originalname[5:40], "pty") as socket:
        yield Screen(socket)
    client.ask("DELETE", f"/session/{request.node.originalname[5:40]}", params={"forced": "true"})


def test_the_shell_has_a_terminal_of_a_size(screen):
    screen.send(type="resize", rows=33, cols=101)
    screen.send(type="ping")
    screen.type("stty size; echo $HOME-$((6 * 7)); tty -s && echo on a tty; python -V\r")
    screen.until("33 101")
    screen.until("/home/work-42")
    screen.until("on a tty")
    screen.until("Python 3.")


def test_control_c_reaches_the_program(screen):
    screen.type("echo be''gin; cat\r")
    screen.until("begin")
    screen.type("he''re\r")
    screen.until("he''re\r\nhe''re\r\n")  # From the terminal, then from cat.
    screen.type("\x03")
    screen.until("$ ")
    screen.type("echo en''d $?\r")
    screen.until("end 130")


def test_much_output_arrives_whole(screen):
    screen.type("seq 200000 | tail -c 1000000; echo do''ne\r")
    screen.until("199999\r\n200000\r\n")
    screen.until("done")


def test_exit_ends_the_stream(screen):
    """The last message says so: a web server in between does not tell that it is closed."""
    screen.type("exit\r")
    messages = []
    with suppress(ConnectionClosed):
        while True:
            messages.append(json.loads(screen.socket.recv(DEADLINE)))
    assert [one["type"] for one in messages].index("end") == len(messages) - 1


def test_a_disconnected_client_ends_its_shell(client):
    client.create("left-alone")
    with client.stream("left-alone", "pty") as socket:
        screen = Screen(socket)
        screen.type("echo pid $$.\r")
        screen.until("pid ")
        screen.until("pid ")
        screen.until(".")
    code = """
import os, signal, time
def shells(): return [p for p in os.listdir('/proc') if p.isdigit()
                      and open(f'/proc/{p}/comm').read().strip() == 'bash']
end = time.monotonic() + 60
while shells() and time.monotonic() < end: time.sleep(0.01)
print(shells())
"""
    assert client.console(client.run("left-alone", code)) == "[]\n"
    client.ask("DELETE", "/session/left-alone")


def test_restart_comes_from_the_terminal_too(screen, client):
    with client.events("?sessionName=restart_comes_from_the_terminal_too&scope=session") as events:
        screen.send(type="restart")
        assert next(event for event in events if event.name == "session_started")


@pytest.mark.parametrize(
    "message", ["no json", "[]", '{"type": "dance"}', '{"type": "stdin", "chars": "no base64"}',
                '{"type": "resize", "rows": 0}'],
)  # fmt: skip
def test_invalid_messages_are_reported(client, message):
    client.create("senseless")
    with client.stream("senseless", "pty") as socket:
        socket.send(message)
        answers = [json.loads(answer) for answer in socket]
    # What the shell shows meanwhile may come before or after.
    (error,) = (answer for answer in answers if answer["type"] == "error")
    assert error["reason"]


def test_no_terminal_without_a_session(client):
    with pytest.raises(InvalidStatus) as refused:
        client.stream("nobody-here", "pty")
    assert refused.value.response.status_code == 404


GREEN_NAME = "\x1b[1;32mwork@main1\x1b[0m"


def test_the_prompt_shows_the_session(screen, request):
    name = request.node.originalname[5:40]
    screen.until(f"{GREEN_NAME}[{name}]:\x1b[1;34m~\x1b[0m$ ")
    screen.type("mkdir -p a/b && cd a/b\r")
    screen.until(f"{GREEN_NAME}[{name}]:\x1b[1;34m~/a/b\x1b[0m$ ")
    screen.type("alias ls\r")
    screen.until("ls --color=auto")


@pytest.mark.parametrize(
    ("shell", "prompt"),
    [
        ("env TERM=dumb bash", "work@main1[{}]:~$ "),
        ("env -u TERM bash", "work@main1[{}]:~$ "),
        ("bash", GREEN_NAME),
        ("bash -l", GREEN_NAME),
        ("sh -l", "work@main1[{}]:/home/work$ "),
        ("bash -c 'bash -i'", GREEN_NAME),
    ],
)
def test_shells_in_shells_have_it_too(screen, request, shell, prompt):
    screen.until("$ ")
    screen.type(f"{shell}\r")
    screen.until("\n")
    screen.until(prompt.format(request.node.originalname[5:40]))


@pytest.mark.parametrize("shell", ["bash", "bash -l"])
def test_the_users_own_settings_have_precedence(screen, shell):
    screen.type("echo 'PS1=\"mine> \"; greeting=hello' > .bashrc\r")
    screen.type(f"{shell}\r")
    screen.until("mine> ")
    screen.type("echo $greeting $0\r")
    screen.until("hello")


def test_without_a_terminal_there_is_no_prompt(client):
    client.create("undecorated")
    for command in ("bash -lc 'echo [$PS1]; alias'", "bash -c 'echo [$PS1]; alias'"):
        turns = client.run("undecorated", "", mode="batch", options={"exec": command})
        assert client.console(turns) == "[]\n"
    client.ask("DELETE", "/session/undecorated", params={"forced": "true"})
