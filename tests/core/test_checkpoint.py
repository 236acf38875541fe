"""Scripts that show what they do, and go on where they were ended, as the installed program runs
them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

ATOLL = Path(sys.executable).with_name("atoll")


@pytest.fixture
def atoll(tmp_path):
    """Run the program in a folder of its own; returns what came of it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ATOLL_HOME": str(tmp_path / "a")}

    def run(*arguments, stdin=None):
        return subprocess.run(
            [ATOLL, "--no-plugins", *arguments],
            env=environ,
            cwd=tmp_path,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=60,
        )

    run.environ = environ
    return run


@pytest.fixture
def script(tmp_path):
    """A script whose third line fails until there is a file `go`."""
    (tmp_path / "below").mkdir()
    lines = [
        "let x = ! echo kept",
        "cd below; ! echo one >> ../log",
        "! test -e ../go",
        '! echo "$x" >> ../log',
        "! echo back >> ../log &",
        "for n in 1 2 { ! echo $n >> ../log }",
    ]
    (tmp_path / "script").write_text("\n".join(lines) + "\n")
    return tmp_path / "script"


RUN = ("-f", "script", "--checkpoint", "done")


def test_a_script_continues_where_it_failed(atoll, script, tmp_path):
    """Nothing is done twice; variables and the folder are what they were."""
    first = atoll(*RUN)
    again = atoll(*RUN)
    (tmp_path / "go").touch()
    resumed = atoll(*RUN, "--resume")
    log = sorted((tmp_path / "log").read_text().split())
    last = atoll(*RUN, "--resume")

    assert first.stderr.endswith("line 3: '! test -e ../go' ended with exit code 1\n")
    assert (again.returncode, again.stdout) == (1, "")
    assert "done belongs to a script that has not finished (--resume continues" in again.stderr
    assert "line 2 is the last one that was done" in resumed.stderr
    assert (resumed.returncode, log) == (0, ["1", "2", "back", "kept", "one"])
    assert (last.returncode, last.stderr) == (0, "done: all lines were run before\n")
    assert sorted((tmp_path / "log").read_text().split()) == log
    assert (tmp_path / "done").stat().st_mode & 0o777 == 0o600


def test_a_script_that_has_changed_is_refused(atoll, script, tmp_path):
    """Nothing is run, and the checkpoint stays."""
    atoll(*RUN)
    before = (tmp_path / "done").read_text()
    script.write_text(script.read_text().replace("back", "bark"))
    refused = atoll(*RUN, "--resume")

    assert "the script has changed since done was written (delete that file" in refused.stderr
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert (tmp_path / "done").read_text() == before


def test_a_truncated_checkpoint_is_read_as_far_as_possible(atoll, script, tmp_path):
    """As when the machine went down while it was written."""
    atoll(*RUN)
    text = (tmp_path / "done").read_text()
    (tmp_path / "done").write_text(text[:-10])
    (tmp_path / "go").touch()
    resumed = atoll(*RUN, "--resume")
    records = [
        json.loads(line) for line in (tmp_path / "done").read_text().split("\n") if line[-1:] == "}"
    ]

    assert (tmp_path / "log").read_text().split()[:2] == ["one", "one"]
    assert (resumed.returncode, records[-1]) == (0, {"complete": True})


@pytest.mark.parametrize("keep_going", [True, False])
def test_a_job_is_done_when_it_has_ended(atoll, tmp_path, keep_going):
    """Well, that is; lines that have failed are run again."""
    lines = "! test -e go &\n! echo a >> log\n"
    options = ["-c", lines, "--checkpoint", "done", *(["--keep-going"] if keep_going else [])]
    first = atoll(*options)
    (tmp_path / "go").touch()
    second = atoll(*options, "--resume")

    assert (first.returncode, second.returncode) == (1, 0)
    assert (tmp_path / "log").read_text() == "a\n"


def test_the_job_limit_is_stored(atoll, tmp_path):
    """A script on standard input is read as a whole, too."""
    lines = "jobs limit 3\n! test -e go\njobs limit\n"
    atoll("--checkpoint", "done", stdin=lines)
    (tmp_path / "go").touch()
    resumed = atoll("--checkpoint", "done", "--resume", stdin=lines)

    assert (resumed.returncode, "3 at a time" in resumed.stdout + resumed.stderr) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-c", "jobs", "--resume"], "--resume needs a checkpoint"),
        (["--echo", "jobs"], "--echo and --checkpoint are for scripts"),
        (["-c", "jobs", "--checkpoint", "no/where"], "no/where: No such file or directory"),
        (["-c", "jobs", "--checkpoint", "script"], "script is not a checkpoint of a script"),
        (["-c", "jobs", "--checkpoint", "/dev/null"], "/dev/null is not a file"),
        (["-c", "jobs", "--checkpoint", "below"], "is a directory"),
    ],
)
def test_invalid_checkpoints_are_refused(atoll, script, arguments, told):
    """In one line, with nothing run and nothing overwritten."""
    before = script.read_text()
    refused = atoll(*arguments)

    assert told in refused.stderr
    assert (refused.stderr.count("\n"), refused.returncode > 0, refused.stdout) == (1, True, "")
    assert script.read_text() == before


def test_echo_shows_each_line(atoll):
    """As it is written: the values of variables may be secrets."""
    lines = "let x = 'a b'\nfor y in 1 2 {\n  ! echo $x $y\n}\n! true && ! false || ! true"
    result = atoll("--echo", "-c", lines)

    shown = ["let x = 'a b'", "for y in 1 2", "y = 1", "! echo $x $y", "y = 2", "! echo $x $y"]
    assert result.stderr.splitlines() == [
        f"+ {one}" for one in [*shown, "! true && ! false || ! true"]
    ]
    assert result.stdout == "a b 1\na b 2\n"


@pytest.mark.parametrize("elsewhere", [True, False])
def test_progress_is_shown_where_nothing_else_is(atoll, tmp_path, elsewhere):
    """On a terminal that does not show what the lines write."""
    (tmp_path / "script").write_text("let x = a\nlet y = b\nnosuch\n")
    command = f"{ATOLL} --no-plugins -f script" + (" > out" if elsewhere else "")
    environ = {**atoll.environ, "TERM": "xterm"}
    child = pexpect.spawn("/bin/sh", ["-c", command], env=environ, cwd=tmp_path, encoding="utf-8")
    child.expect(pexpect.EOF, timeout=60)
    child.close()

    assert ("line 1/3: let x = a" in child.before) == elsewhere
    assert child.before.split("\x1b[2K")[-1].startswith("atoll: line 3: no such command: nosuch")
    assert child.exitstatus == 2
