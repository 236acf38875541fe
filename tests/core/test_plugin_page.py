"""The examples of docs/plugins.md: each that names its file is whole, and atoll takes it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
BLOCK = re.compile(r"```python\n# (atoll_\w+/\w+\.py)\n(.*?)```", re.DOTALL)
LOAD = """
import sys
from importlib import import_module
from pathlib import Path
from atoll.testing import Shell

shell = Shell(Path(sys.argv[1]))
shell.load("sessions")
for name in sys.argv[2:]:
    module = import_module(name)
    if name.endswith("__init__") or "." not in name:
        shell.add(module, name.removeprefix("atoll_"))
registry = shell.program().registry
for hook in registry.hooks.values():
    for provided in registry.collect(hook):
        if provided.origin.distribution.startswith("atoll-") and hasattr(provided.record, "load"):
            provided.load()
"""


def sections():
    """Return the files of each section, by its heading."""
    _, *parts = re.split(r"^##+ (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = dict(zip(parts[::2], map(BLOCK.findall, parts[1::2]), strict=True))
    return {heading: blocks for heading, blocks in found.items() if blocks}


@pytest.mark.parametrize("heading", sections())
def test_its_example_is_loaded_without_a_word(heading, tmp_path):
    modules = []
    for name, code in sections()[heading]:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(code, encoding="utf-8")
        modules.append(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    (tmp_path / "load.py").write_text(LOAD)
    command = [sys.executable, "-W", "error", "load.py", str(tmp_path / "home"), *modules]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
