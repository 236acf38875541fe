"""A terminal in a session, from a real terminal."""

import pexpect
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(shared):
    """A terminal in a session of its own, which goes with it."""
    program = pexpect.spawn(
        str(shared.program()),
        ["run", "--rm", "--terminal", "python"],
        env={**shared.environ(), "TERM": "xterm"},
        dimensions=(24, 70),
        encoding="utf-8",
        timeout=30,
    )
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


def test_where_there_is_no_terminal(shared):
    """It is said before a session is made."""
    result = shared.run("run", "--terminal", "python")

    assert (result.returncode, result.stderr) == (2, "atoll: run: --terminal needs a terminal\n")
