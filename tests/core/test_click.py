"""What click promises the authors of commands: it works here, at each front door."""

import pexpect
import pytest

PROMISES = [
    ("files {tmp}/in.txt", "", "some text\n", ""),
    ("files {tmp}/in.txt --to {tmp}/out.txt", "", "", ""),
    ("passed", "", "passed of-the-environment\n", ""),
    ("plain bob", "", "hello bob, in another thread\n", ""),
    ("echoes", "", "from click\nfrom print\nA\n-\n1\n", ""),
    ("echoes --output csv", "", "a\n1\n", "from click\nfrom print\n"),
    ("closes", "", "open\nclosed\n", ""),
    ("eager --version", "", "eager, version 1.2\n", ""),
    ("group below", "", "an object\nafter None False\n", ""),
    ("group --loud below", "", "AN OBJECT\nafter None True\n", ""),
    ("chain one a one b", "", "first\na\nb\n", ""),
    ("chain", "", "first\n", ""),
    ("invokes", "", "open\nclosed\n", ""),
    ("loops", "", "3\n", ""),
    ("asks --name me --pin 3", "", "me 3\n", ""),
    ("asks", "you\n12\n", "you 12\n", "Name: PIN: "),
    ("asks --name me", "word\n5\n", "me 5\n", "PIN: Error: "),
    ("sure --yes", "", "done\n", ""),
    ("sure", "y\n", "done\n", "Really [y/N]: "),
    ("sure", "n\n", "", "Really [y/N]: atoll: aborted\n"),
    ("sure", "", "", "Really [y/N]: atoll: this needs an answer: Really"),
    ("questions", "3\ny\n", "4\n", "how many"),
]


@pytest.mark.parametrize(("line", "answers", "data", "remarks"), PROMISES)
def test_one_command(doors, tmp_path, line, answers, data, remarks):
    (tmp_path / "in.txt").write_text("some text\n")
    words = line.format(tmp=tmp_path).split()
    done = doors.run(*words, stdin=answers, AWKWARD_WORD="of-the-environment")

    assert done.stdout == data
    assert done.stderr.startswith(remarks)
    if "--to" in line:
        assert (tmp_path / "out.txt").read_text() == "SOME TEXT\n"


def test_a_script(doors, tmp_path):
    """What a command asks is answered by standard input, which the script leaves to it."""
    (tmp_path / "in.txt").write_text("some text\n")
    lines = [line.format(tmp=tmp_path) for line, _, _, _ in PROMISES]
    answers = "".join(answers for _, answers, _, _ in PROMISES[:-2])
    script = "\n".join(lines[:-2])
    done = doors.run("--keep-going", "-c", script, stdin=answers, AWKWARD_WORD="of-the-environment")

    assert done.stdout == "".join(data for _, _, data, _ in PROMISES[:-2])
    assert "internal error" not in done.stderr
    assert (tmp_path / "out.txt").read_text() == "SOME TEXT\n"


def test_what_is_printed_goes_where_output_goes(doors, tmp_path):
    """Into a file and a pipe, whatever else runs; input comes from there, too."""
    (tmp_path / "in.txt").write_text("some text\n")
    script = f"""echoes > {tmp_path}/out.txt
plain pipe | sed s/hello/goodbye/
files - < {tmp_path}/in.txt
plain job &
plain last"""
    done = doors.run("-c", script)

    assert (tmp_path / "out.txt").read_text() == "from click\nfrom print\nA\n-\n1\n"
    first, second, *others = done.stdout.splitlines()
    assert (first, second) == ("goodbye pipe, in another thread", "some text")
    assert sorted(others) == ["hello job, in another thread", "hello last, in another thread"]


def test_the_prompt(doors, tmp_path):
    """Questions are asked on its terminal, and once."""
    (tmp_path / "in.txt").write_text("some text\n")
    with doors.prompt() as ask:
        for line, answers, data, _ in PROMISES:
            if answers or "version" in line:
                said = ask(line.format(tmp=tmp_path) + "\n" + answers.removesuffix("\n"))
                assert said.endswith(data), line
                assert said.count("Name: ") <= 1
        assert "files: invalid value for 'SOURCE': 'nope'" in ask("files nope")


def test_what_a_command_does_to_the_process_is_undone(doors, tmp_path):
    """Streams and the folder are the user's; the change of folder is told."""
    done = doors.run("-c", "wrecks\n! pwd\nplain after")

    assert done.stdout.splitlines()[1] == "hello after, in another thread"
    assert done.stdout.splitlines()[0] != "/"
    assert "wrecks changed the current folder" in done.stderr


def test_ctrl_c_stops_a_blocked_callback(doors):
    """A callback in a thread is left to itself; one on the event loop takes a second Ctrl-C."""
    with doors.prompt() as ask:
        child = ask.child
        child.sendline("sleeps")
        child.expect("sleeping")
        child.sendintr()
        assert "thread" not in ask("returns None")
        child.sendline("blocks")
        child.expect("blocking")
        while child.expect(["atoll> ", pexpect.TIMEOUT], timeout=0.2):
            child.sendintr()
        assert "Traceback" not in ask("returns None")
        child.sendline("questions")
        child.expect("how many")
        child.sendintr()
        assert "Aborted" not in ask("returns None")
