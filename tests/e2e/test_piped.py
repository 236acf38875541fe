"""What is piped into `run` reaches its code, end and all, and what the code writes comes back."""

import signal
import subprocess

import pexpect
import pytest

SESSION = "piped-into"
BINARY = bytes(range(256)) * 40


@pytest.fixture(scope="module", autouse=True)
def session(shared):
    assert shared.run("start", "-t", SESSION, "python").returncode == 0


@pytest.fixture
def run(shared):
    """Run code in the session, with bytes or a file as standard input."""

    def run(*what, **streams):
        command = [shared.program(), "run", "-q", "-t", SESSION, *what, "python"]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        return subprocess.run(command, env=shared.environ(), timeout=60, **streams)

    return run


@pytest.mark.parametrize(
    ("what", "data", "printed"),
    [
        (["--exec", "wc -l"], b"a\nb\n", b"2\n"),
        (["--exec", "cat"], b"", b""),
        (["--exec", "cat"], BINARY, BINARY),
        (["--exec", "head -1"], b"y\n" * 2_000_000, b"y\n"),
        (["--exec", "wc -c"], b"\0" * 20_000_000, b"20000000\n"),
        (["-c", "import sys; print(repr(sys.stdin.read()))"], b"a\nb", b"'a\\nb'\n"),
        (["-c", "print(input()); print(input())"], b"a\r\nb", b"a\nb\n"),
        (
            ["-c", "import sys; n = sys.stdout.buffer.write(sys.stdin.buffer.read())"],
            BINARY,
            BINARY,
        ),
        (["-c", "import os; n = os.write(1, b'\\xed\\xa0\\x80\\xff')"], b"", b"\xed\xa0\x80\xff"),
    ],
)
def test_bytes_in_and_out(run, what, data, printed):
    ran = run(*what, input=data)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, printed, b"")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (["--exec", "cat; exit 3"], 3),
        (["-c", "import sys; print(sys.stdin.read(), end='')"], 0),
        (["-c", "input()"], 1),
        (["-c", "breakpoint()"], 1),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_no_input_is_an_end_of_it(run, shared, what, code, closed):
    """From /dev/null as from a descriptor that is closed."""
    if not closed:
        assert run(*what, stdin=subprocess.DEVNULL).returncode == code
        return
    words = [shared.program(), "run", "-q", "-t", SESSION, *what, "python"]
    command = ["sh", "-c", 'exec "$@" <&-', "sh", *words]
    ran = subprocess.run(command, env=shared.environ(), timeout=60, capture_output=True)
    assert ran.returncode == code


def test_code_that_reads_nothing_waits_for_nobody(shared):
    """Though whoever has the other end of the pipe keeps it open."""
    command = [shared.program(), "run", "-q", "-t", SESSION, "--exec", "echo done", "python"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=shared.environ(), stdin=pipe, stdout=pipe) as process:
        assert process.wait(30) == 0
        assert process.stdout.read() == b"done\n"


def test_ctrl_c_while_code_reads(shared):
    code = "import sys; print('go', flush=True); sys.stdin.read()"
    command = [shared.program(), "run", "-q", "-t", SESSION, "-c", code, "python"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=shared.environ(), stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"go\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_both_streams_in_one_file_keep_their_order(run):
    code = """
import sys
for i in range(0, 400, 2):
    print(i, flush=True)
    print(i + 1, file=sys.stderr, flush=True)
"""
    ran = run("-c", code, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    assert list(map(int, ran.stdout.split())) == list(range(400))


def test_lines_of_a_script_are_no_input(shared, tmp_path):
    """A file that a line names is."""
    (tmp_path / "data").write_bytes(b"from the file\n")
    line = f"run -q -t {SESSION} --exec 'cat; echo end' python"
    script = f"{line}\n{line} < {tmp_path}/data\nps --name-only\n"
    command = [shared.program()]
    # In a session of its own, it has no terminal to ask.
    ran = subprocess.run(
        command,
        env=shared.environ(),
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
    )
    assert (ran.returncode, ran.stdout) == (0, f"end\nfrom the file\nend\n{SESSION}\n")


@pytest.mark.parametrize(
    ("code", "prompt", "keys", "told", "exit_code"),
    [
        ("print(input('n? ').upper())", "n? ", "sea\n", "SEA", 0),
        ("print(input('n? '))", "n? ", "\x04", "EOFError", 1),
        ("print('go'); import sys; print(len(sys.stdin.read()))", "go", "x\n\x04", "\n2\r", 0),
        ("breakpoint()", "(Pdb)", "\x04", "BdbQuit", 1),
    ],
)
def test_at_a_terminal_lines_are_asked_for(shared, code, prompt, keys, told, exit_code):
    child = pexpect.spawn(
        str(shared.program()),
        ["run", "-q", "-t", SESSION, "-c", code, "python"],
        env={**shared.environ(), "TERM": "xterm"},
        encoding="utf-8",
        timeout=60,
    )
    child.expect_exact(prompt)
    child.send(keys)
    child.expect_exact(told)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == exit_code


@pytest.mark.parametrize("end", ["run --rm", "rm", "restart"])
def test_files_are_whole_when_their_session_ends(shared, end):
    """Also those that the code left open in a folder."""
    folder = f"whole-{end.replace(' --', '-')}"
    assert shared.run("vfolder", "create", folder).returncode == 0
    code = f"f = open('{folder}/x.txt', 'w'); n = f.write('hi\\n' * 10)"
    words = ["-q", "-t", folder, "-v", folder, "-c", code, "python"]
    if end == "run --rm":
        assert shared.run("run", "--rm", *words).returncode == 0
    else:
        assert shared.run("run", *words).returncode == 0
        assert shared.run(end, folder).returncode == 0
    if end == "restart":
        shared.run("rm", "-f", folder)  # makes room
    reading = ["--exec", f"cat {folder}/x.txt", "python"]
    read = shared.run("run", "--rm", "-q", "-v", folder, *reading)
    assert (read.returncode, read.stdout) == (0, "hi\n" * 10), read.stderr
