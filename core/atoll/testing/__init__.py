r"""For the tests of plugins: the shell in process, with exactly the plugins that a test names.

`pip install 'atoll[testing]'`, and `pytest_plugins = ["atoll.testing"]` in the `conftest.py` of the
top folder of tests. Then a test asks for the fixture `shell`:

    async def test_greeting(shell):
        shell.add(my_plugin)
        result = await shell.run("greet world")
        assert result.stdout == "hello world\n"

An async test that asks for it is run by pytest-trio, without a marker; others are left alone.
"""

from pathlib import Path

import pytest

from atoll.testing._marks import mark_for_trio
from atoll.testing._shell import Result, Shell

__all__ = ["Result", "Shell", "shell"]


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to begin without what runs async tests."""
    if not config.pluginmanager.has_plugin("trio"):
        raise pytest.UsageError(
            "atoll.testing wants pytest-trio, which runs its async tests: pip install pytest-trio"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have pytest-trio run the async tests that ask for the shell."""
    mark_for_trio(items)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in a home of its own."""
    return Shell(tmp_path / "atoll")
