"""The engine in the documentation is one: with its queue and over TCP, it does what any must."""

import re
import sys
from pathlib import Path

import pytest

from atoll_cluster.testing import LauncherTests

PAGE = Path(__file__).parents[4] / "docs" / "engines.md"


def documented(name: str) -> str:
    """Return the module of that name as the page has it."""
    block = re.search(rf"```python\n# {name}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block, f"{PAGE.name} has no {name}"
    return block[1]


@pytest.fixture(autouse=True)
def importable(tmp_path, monkeypatch):
    (tmp_path / "atoll_pool.py").write_text(documented("atoll_pool.py"))
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("atoll_pool", None)


class TestPool(LauncherTests):
    launcher = "atoll_pool:launcher"
    settings = {"places": "2"}  # noqa: RUF012 - as on the page
    places = 2
