"""Opens the prompt with the plugins that the arguments name, on the terminal that a test gives it.

A plugin is named by its module, or by `module:attribute`; a class is called for its object.
"""

import os
import sys
from importlib import import_module
from inspect import isclass
from pathlib import Path

from atoll._cli import leave
from atoll._shell.door import run_shell
from atoll.testing._shell import Shell


def main(names: list[str]) -> int:
    """Open it; returns the exit code."""
    shell = Shell(Path(os.environ["ATOLL_HOME"]), dict(os.environ))
    for name in names:
        shell.add(_plugin(name), name.partition(":")[0])
    return run_shell(shell.program())


def _plugin(name: str) -> object:
    module, _, attribute = name.partition(":")
    found: object = import_module(module)
    if attribute:
        found = getattr(found, attribute)
    return found() if isclass(found) else found


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
