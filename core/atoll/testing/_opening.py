"""Opens the prompt with the plugins that the arguments name, on the terminal that a test provides.

A plugin is named by its module, or by `module:attribute`; a class is instantiated. After `--job`,
this is the process of a job.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from inspect import isclass
from pathlib import Path

from atoll import _job_main
from atoll._cli import leave
from atoll._program import Program
from atoll._shell.main import run_shell
from atoll.testing._prompt import opening
from atoll.testing._shell import Shell

_JOB = "--job"


def main(names: list[str]) -> int:
    """Open the prompt; returns the exit code."""
    if _JOB not in names:
        return run_shell(_program(names))
    *names, _, socket = names
    return _job_main.main(lambda _plugins: _program(names), int(socket))


def _program(names: Sequence[str]) -> Program:
    shell = Shell(Path(os.environ["ATOLL_HOME"]), dict(os.environ))
    for name in names:
        shell.add(_plugin(name), name.partition(":")[0])
    program = shell.program()
    program.job_command = (*opening(names), _JOB)
    return program


def _plugin(name: str) -> object:
    module, _, attribute = name.partition(":")
    found: object = import_module(module)
    if attribute:
        found = getattr(found, attribute)
    return found() if isclass(found) else found


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
