"""What atoll promises to authors: all of it is declared, described, and enough for its plugins."""

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import atoll

ROOT = Path(__file__).parents[2]
MODULES = [
    "atoll",
    *(f"atoll.{one.name}" for one in iter_modules(atoll.__path__) if one.name[0] != "_"),
]


def imports_of(source: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a text imports from atoll, each with its module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "atoll":
            yield from ((node.module, name.name) for name in node.names)


def examples(page: Path) -> Iterator[str]:
    """Yield the Python blocks of a page that can be read by themselves."""
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        try:
            ast.parse(block)
        except SyntaxError:
            continue
        yield block


def authors() -> Iterator[tuple[str, str]]:
    """Yield the sources that stand on the promise: plugins, the template, and what pages show."""
    for folder in ("plugins", "transports", "contrib"):
        for path in (ROOT / folder).rglob("*.py"):
            yield str(path.relative_to(ROOT)), path.read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        for block in examples(page):
            yield str(page.relative_to(ROOT)), block


@pytest.mark.parametrize("name", MODULES)
def test_every_public_module_says_what_is_public(name):
    """And all of that is there, is shown by dir() and help(), and is described."""
    module = import_module(name)
    assert inspect.getdoc(module)
    assert len(module.__all__) == len(set(module.__all__))
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isclass(value) or callable(value):
            assert (getattr(value, "__doc__", None) or "").strip(), f"{name}.{public}"
        elif public != "__version__" and not inspect.ismodule(value):
            assert public in CONSTANTS or value.__doc__, f"{name}.{public}"


def described(path: Path) -> Iterator[str]:
    """Yield the names below which a text stands, as below constants."""
    body = ast.parse(path.read_text()).body
    for before, after in itertools.pairwise(body):
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            targets = getattr(before, "targets", [getattr(before, "target", None)])
            yield from (one.id for one in targets if isinstance(one, ast.Name))


CONSTANTS = {name for path in (ROOT / "core").rglob("*.py") for name in described(path)}


@pytest.mark.parametrize("name", MODULES)
def test_public_classes_describe_what_they_can_do(name):
    """Their own public methods and properties, too."""
    module = import_module(name)
    for public in module.__all__:
        value = getattr(module, public)
        if not inspect.isclass(value) or not value.__module__.startswith("atoll"):
            continue
        for attribute, member in vars(value).items():
            told = isinstance(member, property | classmethod | staticmethod)
            if attribute[0] != "_" and (told or inspect.isfunction(member)):
                assert inspect.getdoc(member), f"{name}.{public}.{attribute}"


def test_nobody_outside_core_needs_more_than_is_declared():
    """Neither our own plugins, nor the template, nor what the pages show."""
    missing = {
        f"{where}: {module}.{name}"
        for where, source in authors()
        for module, name in imports_of(source)
        if module not in MODULES or (name not in import_module(module).__all__)
    }
    submodules = {one.removeprefix("atoll.") for one in MODULES}
    assert {one for one in missing if one.rpartition(".")[2] not in submodules} == set()


def test_help_shows_all_names():
    """Though each is imported when it is first used."""
    import pydoc

    text = pydoc.plain(pydoc.render_doc(atoll))
    for name in {*atoll.__all__} - {"__version__"}:
        assert name in text
    assert set(dir(atoll)) == set(atoll.__all__)
