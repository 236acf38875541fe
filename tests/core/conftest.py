"""The program with the plugin of `awkward.py` installed, asked by each of its front doors."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pexpect
import pytest
from attrs import define

ATOLL = Path(sys.executable).with_name("atoll")
HERE = Path(__file__).parent


class Done(NamedTuple):
    """What a line did: its data, all else that was said, and the exit code."""

    stdout: str
    stderr: str
    code: int


def install(folder: Path, *modules: str, **sources: str) -> Path:
    """Make a folder for PYTHONPATH that holds modules of this folder, and others by their text; the
    first is the plugin.
    """
    info = folder / "atoll_awkward-9.dist-info"
    info.mkdir(parents=True)
    for module in modules:
        shutil.copy(HERE / f"{module}.py", folder)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    plugin = (*modules, *sources)[0]
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: atoll-awkward\nVersion: 9\n")
    (info / "entry_points.txt").write_text(f"[atoll.plugins]\nawkward = {plugin}\n")
    return folder


class Doors:
    """The installed program; `environ` is what it runs in."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ATOLL_HOME": str(home / "atoll"),
            "PYTHONPATH": str(folder),
        }

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> Done:
        """Run the program with arguments."""
        done = subprocess.run(
            [ATOLL, *arguments],
            env=self.environ | environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Done(done.stdout, done.stderr, done.returncode)

    @contextmanager
    def prompt(self) -> Iterator["Prompt"]:
        """Open the prompt on a terminal."""
        child = pexpect.spawn(
            str(ATOLL),
            env=self.environ | {"TERM": "dumb"},
            encoding="utf-8",
            timeout=60,
            echo=False,
        )
        child.delaybeforesend = None
        child.expect("lists commands\r\n")
        try:
            yield Prompt(child)
        finally:
            child.sendline("exit")
            child.expect(pexpect.EOF)
            child.close()


@define
class Prompt:
    """A prompt on the terminal of `child`."""

    child: pexpect.spawn
    _count: int = 0

    def __call__(self, line: str) -> str:
        """Type a line; returns all that was said until the next line was done."""
        self._count += 1
        self.child.sendline(line)
        self.child.sendline(f"plain number-{self._count}")
        self.child.expect(f"hello number-{self._count}[^\n]*\n")
        return re.sub(r"\r|(\S+ )?atoll> ", "", str(self.child.before))


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    """The program with the awkward plugin."""
    folder = install(
        tmp_path_factory.mktemp("plugin"),
        "awkward",
        "awkward_commands",
        awkward_lazy="raise SystemExit(4)",
    )
    return Doors(folder, tmp_path_factory.mktemp("home"))
