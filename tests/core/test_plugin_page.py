"""The examples of docs/plugins.md: each names its file, is whole, and works as it stands there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen
from tests.core.authoring import Author

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "plugins.md"
OTHERS = {"`atoll_engines`": DOCS / "engines.md"}
"""Pages that show the rest of an example."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"# ([\w/]+\.(?:py|toml))\n")
LOAD = """
import sys
from importlib import import_module
from pathlib import Path
from atoll.testing import Shell

shell = Shell(Path(sys.argv[1]))
shell.load("sessions", "local")
for name in sys.argv[2:]:
    module = import_module(name)
    if name.endswith("__init__") or "." not in name:
        shell.add(module, name.removeprefix("atoll_"))
registry = shell.program().registry
for hook in registry.hooks.values():
    for provided in registry.collect(hook):
        named = getattr(provided.record, "load", None)
        if named and provided.origin.distribution.startswith("atoll-"):
            provided.load()
"""
"""Loads all that the plugins that are named offer."""


@frozen
class Block:
    """A piece of the page that is no prose, and the file that it names."""

    heading: str
    language: str
    text: str

    @property
    def file(self) -> str:
        """Where it belongs; empty for what is not a file."""
        found = NAME.match(self.text)
        return found[1] if found else ""


def blocks(page: Path = PAGE) -> Iterator[Block]:
    """Yield all of a page, from top to bottom."""
    _, *parts = re.split(r"^##+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for heading, part in zip(parts[::2], parts[1::2], strict=True):
        for language, text in BLOCK.findall(part):
            yield Block(heading, language, text)


def plugins() -> dict[str, list[Block]]:
    """Return the files of plugins in each section, by its heading."""
    found: dict[str, list[Block]] = {}
    for block in blocks():
        if block.file.startswith("atoll_"):
            found.setdefault(block.heading, []).append(block)
    return found


def test_each_block_of_python_names_its_file():
    assert [block.text for block in blocks() if block.language == "python" and not block.file] == []


def test_each_hook_has_an_example():
    hooks = {block.heading for block in blocks() if block.heading.startswith("`atoll_")}
    assert hooks == {heading for heading in plugins() if heading.startswith("`atoll_")}


@pytest.mark.parametrize("heading", plugins())
def test_its_example_is_loaded_without_a_word(heading, tmp_path):
    for block in blocks(OTHERS[heading]) if heading in OTHERS else ():
        if block.file:
            write(block, tmp_path)
    modules = []
    for block in plugins()[heading]:
        write(block, tmp_path)
        name = block.file.removesuffix(".py").removesuffix("/__init__")
        modules.append(name.replace("/", "."))
    (tmp_path / "load.py").write_text(LOAD)
    command = [sys.executable, "-W", "error", "load.py", str(tmp_path / "home"), *modules]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, warnings_in(done.stderr)) == (0, [])


@pytest.mark.slow
def test_its_lines_work_one_after_the_other(tmp_path):
    """From the first to the last, in the folder that holds the files that were shown so far.

    The first plugin is installed as the page says, the others as pip would leave them.
    """
    author, folder = Author.make(tmp_path), tmp_path / "atoll-greet"
    said = []
    for block in blocks():
        if block.file:
            write(block, folder)
            if block.file.endswith("/__init__.py") and said:
                install(block.file.partition("/")[0], tmp_path / "others", folder)
        elif block.language == "sh":
            done = author.run(block.text, folder, PYTHONPATH=str(tmp_path / "others"))
            assert done.returncode == 0, done.stdout + done.stderr
            assert [one for one in warnings_in(done.stderr) if "atoll: " in one] == []
            said.append(done.stdout)
    assert "hello you" in said[0]
    assert "3 passed" in said[-1]


def warnings_in(err: str) -> list[str]:
    """Return the lines of standard error; on a busy machine, any import may be slow."""
    return [line for line in err.splitlines() if " took " not in line]


def write(block: Block, folder: Path) -> None:
    """Write a file as the page has it."""
    file = folder / block.file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(NAME.sub("", block.text, count=1), encoding="utf-8")


def install(package: str, site: Path, folder: Path) -> None:
    """Make a package there a plugin that is installed."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    name = package.replace("_", "-")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    plugin = package.removeprefix("atoll_")
    (info / "entry_points.txt").write_text(f"[atoll.plugins]\n{plugin} = {package}\n")
    link = site / package
    if not link.exists():
        link.symlink_to(folder / package)
