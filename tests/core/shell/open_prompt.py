"""Opens the prompt on the commands of `prompted.py`, on the terminal that a test gives it. With
arguments, the plugin of `beside.py` is there as well, with the tasks that they name.
"""

import sys

from beside import Beside
from prompted import Prompted

from atoll import Origin, Paths, _builtin, _shell
from atoll._cli import leave
from atoll._plugins import Registry
from atoll._program import Program, warn
from atoll._settings import Settings
from atoll._shell.door import run_shell
from atoll.hookspecs import SETTINGS

registry = Registry(warn)
registry.register(_builtin, Origin("builtin", "atoll._builtin", "atoll", "0"))
registry.register(_shell, Origin("shell", "atoll._shell", "atoll", "0"))
registry.register(Prompted(), Origin("prompted", "prompted", "atoll-prompted", "1.0"))
if sys.argv[1:]:
    registry.register(Beside(*sys.argv[1:]), Origin("beside", "beside", "atoll-beside", "2.0"))
settings = Settings(Paths.from_environment())
settings.declare([provided.record for provided in registry.collect(SETTINGS)])
leave(run_shell(Program(registry, settings, settings.environ)))
