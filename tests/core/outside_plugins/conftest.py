"""Plugins of third parties: each a folder with its `pyproject.toml`, installed by pip for its test.

They stand on public names alone, and mypy checks them as strictly as atoll itself.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from attrs import frozen
from tests.e2e.conftest import Installed

HERE = Path(__file__).parent


@frozen
class Extended(Installed):
    """The installed program, with plugins that were installed into these folders."""

    folders: Sequence[Path] = ()

    def environ(self) -> dict[str, str]:
        """The environment that a user would have."""
        return {**super().environ(), "PYTHONPATH": os.pathsep.join(map(str, self.folders))}


@pytest.fixture(scope="session")
def install_plugin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the function that installs the plugin in a folder here; returns where it lies."""
    installed: dict[str, Path] = {}

    def install(name: str) -> Path:
        if name not in installed:
            check_imports(HERE / name)
            installed[name] = tmp_path_factory.mktemp(name)
            options = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
            subprocess.run(
                [sys.executable, "-m", "pip", "install", *options, "--target", installed[name],
                 HERE / name],
                check=True,
            )  # fmt: skip
        return installed[name]

    return install


def check_imports(plugin: Path) -> None:
    """Fail for a plugin that imports what is private in atoll."""
    for file in plugin.rglob("*.py"):
        for name in _imported(ast.parse(file.read_text())):
            is_atoll = name.partition(".")[0].partition("_")[0] == "atoll"
            assert not (is_atoll and "._" in name), f"{file} imports {name}"


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def make_atoll(
    tmp_path_factory: pytest.TempPathFactory, install_plugin: Callable[[str], Path]
) -> Iterator[Callable[..., Extended]]:
    """Return the function that gives the program with these plugins, in an empty home."""
    made: list[Extended] = []

    def make(*names: str) -> Extended:
        home = tmp_path_factory.mktemp("extended") / "home"
        made.append(Extended(home, [install_plugin(name) for name in names]))
        return made[-1]

    yield make
    for atoll in made:
        atoll.run("local", "down")
