"""Many broken plugins in one folder, each a distribution of its own, and the program beside them.

One process meets all of them, so that each is tried in a real one without a start for each.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from attrs import define, field, frozen
from tests.e2e.conftest import BIN

from atoll.testing import Prompt

WIDE = 1000
"""Columns of a terminal on which no warning is broken into lines."""
GOOD = "profile list --output json"
"""A line that works whatever plugins do."""


@frozen
class Broken:
    """A kind of broken plugin: its module, and what the line that names it says.

    `line` is the command that meets it, `code` its exit code, `profile` a profile for it. In all
    texts, `broken` and `brk` stand for names that no other plugin has. `damage` is done to the
    metadata of its distribution, which is then named instead of the plugin. `kept` are those that
    `plugins` tells of later.
    """

    kind: str
    source: str
    says: str
    line: str = ""
    code: int = 0
    profile: str = ""
    damage: Callable[[Path], object] | None = None
    kept: bool = False


@frozen
class Installed:
    """A broken plugin in a folder: its names and its texts have a number."""

    broken: Broken
    number: int

    def text(self, text: str) -> str:
        """Put the number into a text."""
        return re.sub("broken|brk", lambda found: f"{found[0]}{self.number:03}", text)

    @property
    def line(self) -> str:
        """The command that meets it."""
        return self.text(self.broken.line)

    @property
    def named(self) -> str:
        """How it is named."""
        if self.broken.damage:
            return f"distribution '{self.info}' is left out"
        return self.text(f"plugin 'broken' (atoll-broken 1.{self.number})")

    @property
    def info(self) -> str:
        """The folder of its metadata."""
        return self.text(f"atoll_broken-1.{self.number}.dist-info")

    def install(self, folder: Path, home: Path) -> None:
        """Write what pip would, and its profile."""
        info = folder / self.info
        info.mkdir()
        head = f"Metadata-Version: 2.1\nName: atoll-broken\nVersion: 1.{self.number}\n"
        (info / "METADATA").write_text(self.text(head))
        (info / "entry_points.txt").write_text(self.text("[atoll.plugins]\nbroken = broken\n"))
        (folder / self.text("broken.py")).write_text(self.text(self.broken.source))
        if self.broken.damage:
            self.broken.damage(info)
        if self.broken.profile:
            file = home / "config" / "profiles" / self.text("brk.yaml")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(0o600)
            file.write_text(self.text(self.broken.profile))

    def is_told(self, err: str, times: int = 1) -> str:
        """Return what is wrong with the lines that name it: "" if there are so many, and right."""
        told = [line for line in err.splitlines() if self.named in line]
        says = self.text(self.broken.says)
        # On a busy machine, any import may be slow.
        told = [line for line in told if " took " not in line or " took " in says]
        if len(told) == times and all(says in line for line in told):
            return ""
        return f"{self.broken.kind}: {says!r} not told {times} times, but {told}"


@define
class Site:
    """A folder of broken plugins, and a home where atoll finds them."""

    folder: Path
    home: Path
    installed: list[Installed] = field(factory=list)

    @classmethod
    def of(cls, parent: Path, kinds: Iterable[Broken]) -> "Site":
        """Install plugins of these kinds."""
        site = cls(parent / "site", parent / "home")
        site.folder.mkdir()
        site.installed = [Installed(broken, number) for number, broken in enumerate(kinds)]
        for one in site.installed:
            one.install(site.folder, site.home)
        return site

    @property
    def environ(self) -> Mapping[str, str]:
        """What the program runs in."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "ATOLL_HOME": str(self.home),
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the program; nothing that it says is a fault of its own."""
        done = subprocess.run(
            [BIN / "atoll", *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        check_words(done.stderr)
        return done

    def open_prompt(self) -> Prompt:
        """Open the prompt on a terminal."""
        return Prompt.open([str(BIN / "atoll")], self.environ, columns=WIDE)

    def typed(self, lines: Sequence[str]) -> tuple[str, int]:
        """Type lines at the prompt, the last of which leaves it; returns what was shown, and the
        exit code.
        """
        prompt = self.open_prompt()
        prompt.type("".join(f"{line}\r" for line in lines))
        code = prompt.ended()
        check_words(prompt.written())
        return prompt.written(), code

    def wrong(self, err: str, times: int = 1) -> list[str]:
        """Return what is wrong with what was said of each, so many times."""
        return [fault for one in self.installed if (fault := one.is_told(err, times))]


def check_words(err: str) -> None:
    """Fail for what atoll says of itself alone."""
    assert "Traceback" not in err
    assert "internal error in atoll" not in err


def check_list(out: str) -> None:
    """Fail unless this is what :data:`GOOD` prints."""
    assert "local" in [one["name"] for one in json.loads(out[out.index("[\n") :])]
