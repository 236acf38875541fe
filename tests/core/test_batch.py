"""Statements, run as a script runs them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import trio

from atoll import Command, hookimpl

PATIENCE = 60


class Sample:
    """The plugin under which the commands of `sample.py` go."""

    @hookimpl
    def atoll_commands(self) -> Iterator[Command]:
        for name in (
            "echo",
            "leave",
            "table",
            "crash",
            "find",
            "grouped",
            "read",
            "linger",
            "family",
        ):
            yield Command(name, f"The command {name}", f"sample:{name}")
        yield Command("deep", "A group")
        yield Command("deep echo", "Below", "sample:echo", aliases=("say",))
        yield Command("missing", "Can't be loaded", "sample:nothing_there")


@pytest.fixture(autouse=True)
def plugin(shell, monkeypatch):
    """Offer the commands to each test."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    shell.add(Sample())


async def test_lines_run_in_order(shell):
    """Data goes to standard output, nothing else."""
    result = await shell.run("echo one # comment\n\n  echo 'two three'; echo --loud four")

    assert (result.stdout, result.stderr, result.code) == ("one\ntwo three\nFOUR\n", "", 0)


async def test_a_script_stops_at_the_first_failure(shell):
    """The exit code is the failure's, and the message names the line."""
    result = await shell.run("echo a\nfind it\necho b")

    assert result.stdout == "a\n"
    assert result.stderr == "atoll: line 2: there is no it (look elsewhere)\n"
    assert result.code == 5


@pytest.mark.parametrize(
    ("lines", "told", "code"),
    [
        ("echo a\nleave 3\necho b", "atoll: line 2: 'leave 3' ended with exit code 3\n", 3),
        ("echo a; leave 137", "atoll: line 1: 'leave 137' ended with exit code 137\n", 137),
        ("\n\n! exit 4", "atoll: line 3: '! exit 4' ended with exit code 4\n", 4),
        ("echo a | false", "atoll: line 1: 'echo a | false' ended with exit code 1\n", 1),
        ("find it", "atoll: line 1: there is no it (look elsewhere)\n", 5),
        ("leave 0", "", 0),
    ],
)
async def test_a_line_that_fails_is_named_once(shell, lines, told, code):
    result = await shell.run(lines)
    assert (result.stderr, result.code) == (told, code)


async def test_all_lines_that_fail_are_named(shell):
    result = await shell.run("leave 3\n'\nleave 4", keep_going=True)
    assert [line.split(":")[1] for line in result.stderr.splitlines()][:1] == [" line 1"]
    assert result.code == 3


async def test_commands_of_the_system(shell, tmp_path):
    """They get the words as they stand; the exit code of one that fails ends the script."""
    result = await shell.run(f"! echo $((40 + 2)) 'a;b' > {tmp_path}/out\n!exit 3\necho b")

    assert (tmp_path / "out").read_text() == "42 a;b\n"
    assert (result.stdout, result.code) == ("", 3)


async def test_a_command_of_the_system_in_the_background(shell, tmp_path):
    """The script waits for it at its end; one that a signal ended says so by its exit code."""
    result = await shell.run(f"! echo there > {tmp_path}/out &\n! kill -9 $$ &\necho b")

    assert (result.stdout, result.code) == ("b\n", 137)
    assert (tmp_path / "out").read_text() == "there\n"


async def test_changing_the_folder(shell, tmp_path, monkeypatch):
    """Files are looked for there from then on; `cd -` goes back."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    result = await shell.run("cd below\necho one > file\n!pwd > where")
    missing = await shell.run("cd nowhere")
    back = await shell.run("cd ..\ncd -\n!pwd > where\ncd ~nobody-there")

    assert (result.stderr, result.code) == (f"{tmp_path}/below\n", 0)
    assert (tmp_path / "below" / "file").read_text() == "one\n"
    assert (tmp_path / "below" / "where").read_text() == f"{tmp_path}/below\n"
    assert (missing.stderr, missing.code) == (
        "atoll: line 1: nowhere: No such file or directory\n",
        1,
    )
    assert back.stderr.endswith("atoll: line 4: ~nobody-there: there is no such user\n")
    assert (tmp_path / "below" / "where").read_text() == f"{tmp_path}/below\n"


async def test_jobs_keep_their_folder(shell, tmp_path, monkeypatch):
    """Programs and commands alike, also one that has waited for its turn."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    os.mkfifo("fifo")
    lines = [
        "jobs limit 1",
        "! sh -c 'read x < fifo; pwd > where' &",
        "print a | cat - fifo > out &",
        "nosuch &",
        "cd below",
        "! echo > ../fifo",
        "wait %1",
        "! echo b > ../fifo",
    ]
    result = await shell.run("\n".join(lines))

    assert (tmp_path / "where").read_text() == f"{tmp_path}\n"
    assert (tmp_path / "out").read_text() == "a\nb\n"
    assert result.code == 2


async def test_a_job_that_is_ended_at_once_leaves_nothing(shell, tmp_path, monkeypatch):
    """Its command is on the way while the signal is."""
    monkeypatch.chdir(tmp_path)
    sleep = f"sleep {10**6 + os.getpid()}"
    result = await shell.run(f"cd .\nprint a | {sleep} &\nkill %1\nwait")

    # A process that was told to end is there for another moment.
    with trio.fail_after(PATIENCE):
        while sleep in command_lines():  # noqa: ASYNC110  # its end is told to nobody here
            await trio.sleep(0.01)
    assert "exit code" not in result.stderr


def command_lines():
    """Return the command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes().replace(b"\0", b" ").strip().decode(errors="replace"))
    return found


async def test_jobs_of_a_script_from_a_pipe(tmp_path, monkeypatch):
    """They keep the folder that they began in: it is not known what lines are still to come."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    os.mkfifo("sign")
    command = [Path(sys.executable).with_name("atoll"), "--keep-going"]
    with trio.fail_after(100):
        await run_in_two_pieces(command, tmp_path)

    assert (tmp_path / "kept").read_text() == f"{tmp_path}\n"
    assert (tmp_path.parent / "left").read_text() == f"{tmp_path.parent}\n"


async def run_in_two_pieces(command, folder):
    """Write the second part of a script when the first one has run."""
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, command, stdin=subprocess.PIPE, capture_stdout=True)
        script = await nursery.start(run)
        await script.stdin.send_all(b"! sh -c 'read x < fifo; pwd > kept' &\nprint x > sign\n")
        read = (folder / "sign").read_text
        await trio.to_thread.run_sync(read, abandon_on_cancel=True)
        lines = f"cd ..\n! echo > {folder.name}/fifo\nwait\n! pwd > left\n"
        await script.stdin.send_all(lines.encode())
        await script.stdin.aclose()


async def test_keep_going_runs_the_rest(shell):
    """The exit code is that of the first failure."""
    result = await shell.run("leave 3\nnosuch\necho b", keep_going=True)

    assert result.stdout == "b\n"
    assert result.code == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nosuch", "no such command: nosuch"),
        ("unset x", "no such command: unset (did you mean config unset?)"),
        ("printf x", "no such command: printf (use print)"),
        ("export A=1", "no such command: export (use let NAME = VALUE)"),
        ("uname -a", "no such command: uname (! uname runs the system's)"),
        ("ecko x", "no such command: ecko (did you mean echo?)"),
        ("deep", "deep needs a command (one of echo)"),
        ("deep ecko", "no such command: deep ecko (did you mean echo?)"),
        ("echo --nope", "echo: no such option '--nope' (atoll echo --help)"),
        ("leave", "leave: missing argument 'CODE' (atoll leave --help)"),
        ("leave x", "is not a valid integer"),
        ("table --output nope", "no such output format: nope (one of table, plain"),
        ("echo 'a", "a single quote is not closed"),
        ("--nope", "no such option: --nope"),
    ],
)
async def test_an_invalid_line_is_refused(shell, line, message):
    """Bad usage is one line on standard error, and exit code 2."""
    result = await shell.run(line)

    assert message in result.stderr
    assert result.stderr.startswith("atoll: line 1: ")
    assert result.stderr.count("\n") == 1
    assert result.code == 2


async def test_commands_have_aliases_groups_and_the_programs_name(shell):
    """A line may start with the program's name, as documents have it."""
    result = await shell.run("deep say a\natoll deep echo b\nbackend.ai echo c\nfamily child")

    assert result.stdout == "a\nb\nc\nchild\n"


async def test_help_is_data(shell):
    """Help of a command and of a group goes where data goes."""
    result = await shell.run("echo --help\ndeep -h\nhelp deep echo | cat >/dev/null\nhelp")

    assert "Print the words." in result.stdout
    assert "Usage: atoll deep COMMAND" in result.stdout
    assert "The command echo" in result.stdout
    assert result.code == 0


async def test_a_bug_is_reported_in_one_line(shell):
    """The report names the plugin and the way around it; the details go to a file."""
    result = await shell.run("crash")

    assert "internal error in plugin 'tested' (atoll-tested 1.0)" in result.stderr
    assert "ZeroDivisionError: a bug" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" in (shell.home / "state" / "crash.log").read_text()
    assert result.code == 1


async def test_a_bug_with_an_invalid_word_is_reported_too(shell):
    result = await shell.run("crash --why \udcff")

    assert "ZeroDivisionError: " in result.stderr
    assert "crash --why \\udcff\n" in (shell.home / "state" / "crash.log").read_text()


async def test_a_command_that_cannot_be_loaded_names_its_plugin(shell):
    """It costs that command and no other."""
    result = await shell.run("missing\necho b", keep_going=True)

    assert (
        "plugin 'tested' (atoll-tested 1.0): loading sample:nothing_there raised" in result.stderr
    )
    assert "--no-plugins" in result.stderr
    assert result.stdout == "b\n"


async def test_an_error_in_a_nursery_is_reported_like_any_other(shell):
    """Groups of exceptions are unwrapped."""
    result = await shell.run("grouped")

    assert result.stderr == "atoll: line 1: it failed inside\n"


async def test_redirections(shell, tmp_path):
    """Output goes to a file, is added to it, and is read from it."""
    file = tmp_path / "a file"
    result = await shell.run(f"echo one > '{file}'\necho two >> '{file}'\nread < '{file}'")

    assert file.read_text() == "one\ntwo\n"
    assert result.stdout == "<one>\n"


async def test_a_redirection_that_fails_runs_nothing(shell, tmp_path):
    """The file is opened first."""
    result = await shell.run(
        f"echo a > {tmp_path}/no/where\nread < {tmp_path}/none", keep_going=True
    )

    assert result.stderr.count("No such file or directory") == 2
    assert result.stdout == ""


async def test_pipes(shell, tmp_path):
    """The rest of a pipe is the system shell's; its failure is the statement's."""
    out = tmp_path / "out"
    result = await shell.run(f"echo b a | tr ' ' '\\n' | sort > {out}\necho x | false")

    assert out.read_text() == "a\nb\n"
    assert result.code == 1


async def test_the_reader_of_a_pipe_may_leave_early(shell):
    """As `| head` does."""
    result = await shell.run("echo x | true\necho y")

    assert (result.stdout, result.code) == ("y\n", 0)


async def test_background_jobs_are_waited_for(shell):
    """A script ends when its jobs have; a job's failure is the script's."""
    result = await shell.run("echo a & leave 4 &\necho b")

    assert sorted(result.stdout.split()) == ["a", "b"]
    assert result.code == 4


async def test_jobs_can_be_listed_and_cancelled(shell):
    """By their numbers."""
    result = await shell.run("linger &\njobs --output jsonl\nkill %1\nkill %7")

    assert '"state": "running"' in result.stdout
    assert "no job 7" in result.stderr


async def test_formats(shell):
    """Each format writes the same records; text from the cluster can't reach the terminal raw."""
    names = ("table", "plain", "json", "jsonl", "yaml", "csv")
    written = {name: (await shell.run(f"table --output {name}")).stdout for name in names}

    assert written["table"] == "Name     Size (B)\n-------  --------\na               1\nbé�[31m\n"
    assert written["plain"] == "a        1\nbé�[31m\n"
    assert written["jsonl"] == '{"name": "a", "size": 1}\n{"name": "bé\\u001b[31m", "size": null}\n'
    assert written["json"].startswith('[\n  {\n    "name": "a",\n    "size": 1\n  },\n  {')
    assert written["yaml"] == '- name: a\n  size: 1\n- name: "bé\\e[31m"\n  size: null\n'
    assert written["csv"] == "name,size\na,1\nbé\x1b[31m,\n"


async def test_one_record(shell):
    """A single thing is no list."""
    names = ("table", "json", "yaml", "csv")
    written = {name: (await shell.run(f"table --one --output={name}")).stdout for name in names}

    assert written["table"] == "Name      a\nSize (B)  1\n"
    assert written["json"] == '{\n  "name": "a",\n  "size": 1\n}\n'
    assert written["yaml"] == "name: a\nsize: 1\n"
    assert written["csv"] == "name,size\na,1\n"


async def test_the_format_can_be_a_setting(shell):
    """`output` in config.yaml, the environment over it, the line over both."""
    config = shell.home / "config" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("output: csv\n")

    assert (await shell.run("table")).stdout.startswith("name,size")
    shell.environ["ATOLL_OUTPUT"] = "jsonl"
    assert (await shell.run("table")).stdout.startswith("{")
    assert (await shell.run("table --output plain")).stdout.startswith("a ")
    config.write_text("output: [\n")
    del shell.environ["ATOLL_OUTPUT"]
    assert "is not YAML: line 2: " in (await shell.run("table")).stderr
