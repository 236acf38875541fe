"""Tab in the shells of the system, each as its user sees it on a terminal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from atoll import Paths, Profile
from atoll._profiles import ProfileStore

ATOLL = str(Path(sys.executable).with_name("atoll"))
TAB = "\t"
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
READY = {
    "bash": "PS1='ready> '",
    "zsh": "PS1='ready> '; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u",
}


@pytest.fixture
def environ(home):
    """The environment of a user who has atoll on the PATH, and a cluster that is down."""
    campus = Profile(name="campus", endpoint="http://127.0.0.1:9")
    ProfileStore(Paths.from_environment({"ATOLL_HOME": str(home)})).save(campus)
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    path = f"{Path(ATOLL).parent}:{keep['PATH']}"
    return {**keep, "PATH": path, "ATOLL_HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}


@pytest.fixture(params=SHELLS)
def shell(request, environ, tmp_path, needs):
    """A shell of the system that has been told how to complete."""
    name = request.param
    needs(name)
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "results.txt").touch()
    (folder / "with spaces").mkdir()
    child = pexpect.spawn(
        SHELLS[name][0],
        SHELLS[name][1:],
        env=environ,
        cwd=str(folder),
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 200),
    )
    child.sendline(f'{READY[name]}; eval "$(atoll completion {name})"; echo told')
    child.expect("\r\ntold\r\n")
    yield child
    child.close(force=True)


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("atoll prof", "atoll profile "),
        ("atoll profile us", "atoll profile use "),
        ("atoll ps --nam", "atoll ps --name-only "),
        ("atoll ps --output=js", "atoll ps --output=json"),
        ("atoll --profile lab info --outp", "atoll --profile lab info --output "),
        ("atoll upload mine res", "atoll upload mine results.txt "),
        ("atoll upload mine with", "atoll upload mine with\\ spaces/"),
        ("true | atoll sessi", "true | atoll session"),
        ("atoll @cam", "atoll @campus "),
        ("atoll @campus ps --nam", "atoll @campus ps --name-only "),
        ("atoll watch 5 ps --nam", "atoll watch 5 ps --name-only "),
    ],
)
def test_a_word_is_completed(shell, typed, becomes):
    """By the shell's own rules for spaces and quotes."""
    shell.send(typed + TAB)
    # Some ring when there is more than one way to go on.
    shell.expect(f"{re.escape(typed)}\a?{re.escape(becomes.removeprefix(typed))}")


def test_several_are_listed(shell):
    """Those that begin with what was typed."""
    shell.send("atoll vfolder re" + TAB + TAB)
    for name in ("rename", "rename-file", "request-download", "restore"):
        shell.expect(rf"{name}\b")


def test_a_word_may_be_abbreviated(shell):
    """What holds its letters takes its place."""
    shell.send(f"atoll config get mnu{TAB}\n")
    shell.expect("\r\ntab\r\n")


def test_several_that_hold_the_letters_are_listed(shell):
    """Bash keeps what was typed, zsh goes through them."""
    shell.send("atoll sesn" + TAB + TAB)
    shell.expect("session-template")


def test_options_are_not_begun_by_themselves(shell):
    """They are listed where no word was typed, and the line stays as it is."""
    shell.send(f"atoll config get shell.menu {TAB}{TAB}")
    shell.expect("--profile")
    shell.send("\n")
    shell.expect("\r\ntab\r\n")


@pytest.mark.needs("fish")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("atoll @campus profile re", "remove\tDelete a profile and its keys\n"),
        ("atoll vfolder rnf", "rename-file\tRename a file\n"),
        ("atoll explain ps --nam", "--name-only\tShow only the names, one per line.\n"),
    ],
)
def test_fish(environ, line, offered):
    """Fish tells what it would offer; it finds by letters, too."""
    script = f"atoll completion fish | source; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environ, capture_output=True, text=True
    )
    assert done.stdout == offered, done.stderr
