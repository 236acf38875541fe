r"""For the tests of plugins: the shell in process, the prompt on a terminal, an embedded cluster.

`pip install 'atoll[testing]'`, and `pytest_plugins = ["atoll.testing"]` in the `conftest.py` of the
top folder of tests. Then a test asks for the fixture `shell`:

    async def test_greeting(shell):
        shell.add(my_plugin)
        result = await shell.run("greet world")
        assert result.stdout == "hello world\n"

An async test that asks for it is run by pytest-trio, without a marker; others are left alone.
`prompt` opens prompts, and `cluster` is an embedded cluster for the tests of a module.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atoll.testing._cluster import Cluster
from atoll.testing._marks import mark_for_trio
from atoll.testing._shell import Result, Shell

if TYPE_CHECKING:
    from atoll.testing._prompt import Prompt

__all__ = ["Cluster", "Prompt", "Result", "Shell", "cluster", "prompt", "shell"]


def __getattr__(name: str) -> object:
    # Imported late, since tests without a prompt need no terminal.
    if name == "Prompt":
        from atoll.testing._prompt import Prompt

        return Prompt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pytest_configure(config: pytest.Config) -> None:
    """Raise an error if pytest-trio, which runs the async tests, is missing."""
    if not config.pluginmanager.has_plugin("trio"):
        raise pytest.UsageError(
            "atoll.testing needs pytest-trio, which runs its async tests: pip install pytest-trio"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the async tests that use the fixture `shell` for pytest-trio."""
    mark_for_trio(items)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell with a home folder of its own."""
    return Shell(tmp_path / "atoll")


@pytest.fixture
def prompt(tmp_path: Path) -> "Iterator[Callable[..., Prompt]]":
    """Return a function that opens a prompt with the named plugins and the built-in ones.

    A plugin is named by its module, or by `module:attribute`. `environ` holds further environment
    variables, and `columns` is the width of the terminal.
    """
    from atoll.testing._prompt import Prompt, opening

    opened: list[Prompt] = []

    def open_one(
        *plugins: str, environ: Mapping[str, str] | None = None, columns: int = 80
    ) -> Prompt:
        variables = {"ATOLL_HOME": str(tmp_path / "atoll"), **(environ or {})}
        opened.append(Prompt.open(opening(plugins), variables, columns=columns))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An embedded cluster for all tests of a module; it is stopped after the last of them."""
    one = Cluster(tmp_path_factory.mktemp("cluster") / "home")
    try:
        one.up()
        yield one
    finally:
        one.down()
