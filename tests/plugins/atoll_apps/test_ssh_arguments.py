"""What of a line goes to ssh, scp and sftp, and what is ours."""

import pytest

from atoll import UsageError
from atoll_apps.ssh.arguments import SCP, SFTP, SSH, find_session, flags, parse_command_line
from atoll_apps.ssh.scp import _remote_path, _without_slash


@pytest.mark.parametrize(
    ("line", "options", "rest", "port"),
    [
        ("", "", "", 0),
        ("-p 9922", "", "", 9922),
        ("--port=9922 ls", "", "ls", 9922),
        ("-p9922 -v ls -la -p 1", "-v", "ls -la -p 1", 9922),
        ("-L 1:h:2 -N", "-L 1:h:2 -N", "", 0),
        ("-tto A=b -i key cmd -x", "-tto A=b -i key", "cmd -x", 0),
        ("-- -v", "", "-v", 0),
    ],
)
def test_what_ssh_is_given(line, options, rest, port):
    parsed = parse_command_line(SSH, line.split())
    assert (parsed.options, parsed.rest, parsed.port) == (options.split(), rest.split(), port)


@pytest.mark.parametrize(
    ("line", "options", "rest", "port"),
    [
        ("-p 9922 -r tmp/ work@localhost:tmp2/", "-r", "tmp/ work@localhost:tmp2/", 9922),
        ("-r a b -P 1", "-r", "a b", 1),
        ("-p -r a b", "-p -r", "a b", 0),
        ("-o A=b a -- -b", "-o A=b", "a -b", 0),
    ],
)
def test_what_scp_is_given(line, options, rest, port):
    parsed = parse_command_line(SCP, line.split())
    assert (parsed.options, parsed.rest, parsed.port) == (options.split(), rest.split(), port)


@pytest.mark.parametrize(
    ("syntax", "line", "words"),
    [
        (SSH, "mysess -v ls", ["-v", "ls"]),
        (SSH, "-p 1 -vi key mysess -x ls -p", ["-vi", "key", "--port=1", "-x", "ls", "-p"]),
        (SCP, "-p 9922 -r mysess -q a :b", ["-r", "--port=9922", "-q", "a", ":b"]),
    ],
)
def test_options_may_stand_before_the_session(syntax, line, words):
    assert find_session(syntax, line.split()) == ("mysess", words)


def test_there_must_be_a_session():
    with pytest.raises(UsageError, match="missing argument 'SESSION'"):
        find_session(SSH, ["-p", "9922"])


def test_sftp_takes_a_batch():
    assert parse_command_line(SFTP, ["-b", "file", "path"]) == (["-b", "file"], ["path"], 0)


@pytest.mark.parametrize("line", ["-p", "-p x", "--port", "-p 70000", "-L", "--verbose", "-o"])
def test_a_line_that_makes_no_sense(line):
    with pytest.raises(UsageError, match=r"^ssh: "):
        parse_command_line(SSH, line.split())


def test_flags_are_told_from_values():
    assert flags(SSH, ["-vf", "-o", "-M", "-LfN"]) == set("vfoL")


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("work@localhost:a", "work@localhost:a"),
        ("mysess:a", "work@localhost:a"),
        (":", "work@localhost:"),
        ("root@mysess:a", "root@localhost:a"),
        ("./a:b", "./a:b"),
        ("a/b", "a/b"),
    ],
)
def test_places_of_a_copy(word, place):
    assert _remote_path(word, "mysess") == place


def test_another_host_is_no_place_of_a_copy():
    with pytest.raises(UsageError, match="other is not session mysess"):
        _remote_path("other:a", "mysess")


@pytest.mark.parametrize(
    ("place", "plain"), [("h:a/", "h:a"), ("h:/", "h:/"), ("h:", "h:"), ("a//", "a")]
)
def test_the_slash_after_a_folder_to_be_made(place, plain):
    assert _without_slash(place) == plain
