"""Opens the prompt on the commands of `prompted.py`, on the terminal that a test gives it. With
arguments, the plugin of `beside.py` is there as well, with the tasks that they name. After `--job`,
it is the process of a job.
"""

import sys

from beside import Beside
from prompted import Prompted

from atoll import Origin, Paths, _builtin, _job_main, _shell
from atoll._cli import leave
from atoll._plugins import Registry
from atoll._program import Program, warn
from atoll._settings import Settings
from atoll._shell.main import run_shell
from atoll.hookspecs import SETTINGS


def load(tasks):
    """Load the program."""
    registry = Registry(warn)
    registry.register(_builtin, Origin("builtin", "atoll._builtin", "atoll", "0"))
    registry.register(_shell, Origin("shell", "atoll._shell", "atoll", "0"))
    registry.register(Prompted(), Origin("prompted", "prompted", "atoll-prompted", "1.0"))
    if tasks:
        registry.register(Beside(*tasks), Origin("beside", "beside", "atoll-beside", "2.0"))
    settings = Settings(Paths.from_environment())
    settings.declare([provided.record for provided in registry.collect(SETTINGS)])
    program = Program(registry, settings, settings.environ)
    program.job_command = (sys.executable, __file__, *tasks, "--job")
    return program


if "--job" in sys.argv:
    *tasks, _, socket = sys.argv[1:]
    leave(_job_main.main(lambda _plugins: load(tasks), int(socket)))
leave(run_shell(load(sys.argv[1:])))
