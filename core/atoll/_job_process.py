"""`python -m atoll._job_process DESCRIPTOR`: the process of a job, as a prompt starts it."""

import sys

from atoll._cli import leave
from atoll._job_door import main
from atoll._program import Program


def load(plugins: bool) -> Program:  # called in one place, with what the prompt has sent
    """Load the program as its user has it."""
    return Program.load(plugins=plugins)


if __name__ == "__main__":
    leave(main(load, int(sys.argv[-1])))
