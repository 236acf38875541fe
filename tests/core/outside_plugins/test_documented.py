"""The plugins here that the documentation shows whole are the ones that work."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "plugins.md"
BLOCK = re.compile(r"```python\n# (atoll_unix_socket/\w+\.py)\n(.*?)```", re.DOTALL)


def test_the_transport_in_the_documentation_is_the_tested_one():
    shown = dict(BLOCK.findall(PAGE.read_text()))
    assert sorted(shown) == ["atoll_unix_socket/__init__.py", "atoll_unix_socket/transport.py"]
    for name, code in shown.items():
        assert code == (HERE / "unix_socket" / name).read_text(), name
