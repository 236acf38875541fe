"""Opens the prompt on the commands of `prompted.py`, on the terminal that a test gives it."""

from prompted import Prompted

from atoll import Paths, _builtin, _shell
from atoll._cli import leave
from atoll._plugins import Origin, Registry
from atoll._program import Program
from atoll._settings import Settings
from atoll._shell.door import run_shell
from atoll._warnings import warn
from atoll.hookspecs import SETTINGS

registry = Registry(warn)
registry.register(_builtin, Origin("builtin", "atoll._builtin", "atoll", "0"))
registry.register(_shell, Origin("shell", "atoll._shell", "atoll", "0"))
registry.register(Prompted(), Origin("prompted", "prompted", "atoll-prompted", "1.0"))
settings = Settings(Paths.from_environment())
settings.declare([provided.record for provided in registry.collect(SETTINGS)])
leave(run_shell(Program(registry, settings, settings.environ)))
