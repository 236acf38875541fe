"""Tries a broken plugin at each door: it costs one line that names it, and all else works."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from atoll._cli import run_guarded
from atoll._program import Program
from atoll._shell.main import run_shell

HINT = "(atoll --no-plugins leaves it out)"
NAMED = "plugin 'broken' (atoll-broken 1.0)"


class Terminal(StringIO):
    """What takes itself for a terminal, so that the prompt edits lines."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@define
class Site:
    """A folder of packages in which `broken` is installed, as pip leaves it."""

    folder: Path
    home: Path
    says: str = ""
    named: str = NAMED
    lines: int = 1

    @property
    def info(self) -> Path:
        """The folder of the distribution's metadata."""
        return self.folder / "atoll_broken-1.0.dist-info"

    def install(self, source: str) -> None:
        """Write the distribution of a plugin with this source."""
        self.info.mkdir()
        (self.info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: atoll-broken\nVersion: 1.0\n"
        )
        (self.info / "entry_points.txt").write_text("[atoll.plugins]\nbroken = broken\n")
        (self.folder / "broken.py").write_text(source)

    def add_profile(self, content: str) -> None:
        """Write a profile, `brk`."""
        file = self.home / "config" / "profiles" / "brk.yaml"
        file.parent.mkdir(parents=True)
        file.touch(0o600)
        file.write_text(content)

    def one_command(self, line: str, code: int) -> None:
        """Run a line as one command."""
        self._check(line, code, *run(lambda: run_guarded(shlex.split(line))))

    def script(self, line: str, code: int) -> None:
        """Run it in a script, and a good line after it."""
        lines = f"{line}\nprofile list --output json\n"
        arguments = ["--keep-going", "-c", lines]
        self._check("a script", code, *run(lambda: run_guarded(arguments)), lists=True)

    def prompt(self, line: str) -> None:
        """Type it at the prompt, look at a list, and leave."""
        listed = self.home / "listed"
        good = f"profile list --output json > {shlex.quote(str(listed))}"
        code, _, err = run(lambda: typed(f"{line}\r{good}\rexit 7\r"), Terminal())
        self._check("the prompt", 7, code, listed.read_text(), err, lists=True)

    def _check(
        self, door: str, wanted: int, code: int, out: str, err: str, *, lists: bool = False
    ) -> None:
        told = [line for line in err.splitlines() if self.named in line]
        # A command's error stands for the same of what the prompt has tried by itself.
        told = [line for line in told if f"{line} {HINT}" not in told]
        # On a busy machine, any import may be slow.
        told = [line for line in told if " took " not in line or " took " in self.says]
        assert code == wanted, (door, err)
        assert "Traceback" not in err
        assert "internal error in atoll" not in err
        if self.says:
            assert len(told) == self.lines, (door, err)
            assert self.says in told[0]
        else:
            assert told == []
        if lists:
            names = [one["name"] for one in json.loads(out[out.index("[\n") :])]
            assert "local" in names


def typed(keys: str) -> int:
    """Open the prompt, and type."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return run_shell(Program.load())


def run(call: Callable[[], int], out: StringIO | None = None) -> tuple[int, str, str]:
    """Run a front door in process, with the plugin imported anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "broken"]:
        del sys.modules[name]
    out, err = out or StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = call()
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def site(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder on the path for the plugin, and a terminal for its user."""
    folder = tmp_path / "site"
    folder.mkdir()
    home.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield Site(folder, home)
    os.close(ours)


@pytest.fixture
def tried(site: Site) -> Callable[..., None]:
    """Return the function that tries what is installed as one command, in a script and at the
    prompt.

    `says` stands in the one line about it, `line` is what is run, `code` what it ends with. What
    only some doors ask for is told at these `doors` alone; `each_line` has a line of its own for
    each command.
    """

    def tried(
        says: str,
        *,
        line: str = "config",
        code: int = 0,
        doors: Sequence[str] = ("one", "script", "prompt"),
        each_line: bool = False,
    ) -> None:
        for door in ("one", "script", "prompt"):
            site.says = says if door in doors else ""
            site.lines = 1
            if door == "one":
                site.one_command(line, code)
            elif door == "script":
                site.lines = 2 if each_line else 1
                site.script(line, code)
            else:
                site.lines = 3 if each_line else 1
                site.prompt(line)

    return tried


@pytest.fixture
def everywhere(site: Site, tried: Callable[..., None]) -> Callable[..., None]:
    """Return the function that installs a plugin with this source, and tries it."""

    def install(source: str, says: str, **options: Any) -> None:
        site.install(source)
        tried(says, **options)

    return install
