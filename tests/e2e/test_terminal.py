"""A terminal in a session, from a real terminal."""

import pexpect
import pytest

pytestmark = pytest.mark.slow


def spawned(shared, *words):
    """Start the shell in a terminal."""
    return pexpect.spawn(
        str(shared.program()),
        list(words),
        env={**shared.environ(), "TERM": "xterm"},
        dimensions=(24, 70),
        encoding="utf-8",
        timeout=60,
    )


@pytest.fixture
def opened(shared):
    """A terminal in a session of its own, which goes with it."""
    program = spawned(shared, "run", "--rm", "--terminal", "python")
    program.expect("connected.*[$#] ")
    yield program
    program.close(force=True)


def test_a_shell_in_the_session(opened):
    """It has the size of the user's terminal, takes Ctrl-C for itself, and ends by `exit`."""
    opened.sendline("stty size; whoami")
    opened.expect("24 70\r\nwork\r\n")
    opened.setwinsize(30, 90)
    opened.sendline("until [ \"$(stty size)\" = '30 90' ]; do :; done; echo as large; cat")
    opened.expect("\ras large\r\n")
    opened.sendline("to cat")
    opened.expect("to cat\r\nto cat\r\n")
    opened.sendintr()
    opened.expect("[$#] ")
    opened.sendline("echo still $((40 + 2)) here")
    opened.expect("still 42 here")
    opened.sendline("exit")
    opened.expect(pexpect.EOF)
    opened.wait()

    assert opened.exitstatus == 0


def test_a_terminal_can_be_left(opened):
    """By the keys that OpenSSH has for it."""
    opened.sendline("cat")
    opened.expect("cat")
    opened.send("\r~.")
    opened.expect(pexpect.EOF)
    opened.wait()

    assert opened.exitstatus == 0


def test_a_session_that_is_there(shared):
    """Its shell is opened, and it stays when that ends."""
    shared.run("start", "-t", "there", "bash")
    program = spawned(shared, "shell", "there")
    program.expect("connected.*[$#] ")
    program.sendline("echo $BACKENDAI_SESSION_NAME; exit")
    program.expect("\rthere\r\n")
    program.expect(pexpect.EOF)
    program.wait()
    listed = shared.run("ps", "--name-only").stdout.split()
    shared.run("rm", "there")

    assert (program.exitstatus, "there" in listed) == (0, True)


@pytest.mark.parametrize(
    ("what", "words"),
    [("run --terminal", ["run", "--terminal", "python"]), ("shell", ["shell", "x"])],
)
def test_where_there_is_no_terminal(shared, what, words):
    """It is said before a session is made, or asked for."""
    result = shared.run(*words)

    assert (result.returncode, result.stderr) == (2, f"atoll: {what} needs a terminal\n")
