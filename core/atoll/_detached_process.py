"""`python -m atoll._detached_process`: the process that :mod:`atoll._detached` starts."""

import os
import pickle
import sys
from typing import TYPE_CHECKING

from atoll._cli import leave, one_command
from atoll._errors import AtollError
from atoll._options import Options
from atoll._program import Program
from atoll._warnings import warn

if TYPE_CHECKING:
    from atoll._detached import Handed


def main() -> int:
    """Run the command that is read from standard input; returns its exit code."""
    handed: Handed = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that has started this, and nobody else
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, sys.stdin.fileno())
    os.close(null)
    sys.argv[0] = handed.program_name
    try:
        program = Program.load(plugins=handed.plugins)
        program.settings.skip_tls_check = handed.skip_tls_check
        program.target.begin(handed.choice)
        return one_command(program, Options(words=handed.words))
    except AtollError as error:
        warn(str(error))
        return error.exit_code


if __name__ == "__main__":
    leave(main())
