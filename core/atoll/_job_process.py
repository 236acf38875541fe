"""`python -m atoll._job_process DESCRIPTOR`: the process of a job, which a prompt starts."""

import sys

from atoll._cli import leave
from atoll._job_main import main
from atoll._program import Program


def load(plugins: bool) -> Program:  # only called once, with what the prompt has sent
    """Load the program with the user's plugins."""
    return Program.load(plugins=plugins)


if __name__ == "__main__":
    leave(main(load, int(sys.argv[-1])))
