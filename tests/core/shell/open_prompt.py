"""Opens the prompt on the commands of `prompted.py`, on the terminal that a test gives it."""

from prompted import Prompted

from atoll import builtin
from atoll.cli import leave
from atoll.paths import Paths
from atoll.plugins import Origin, Registry
from atoll.program import Program, warn
from atoll.settings import Settings
from atoll.shell import run_shell

registry = Registry(warn)
registry.register(builtin, Origin("builtin", "atoll.builtin", "atoll", "0"))
registry.register(Prompted(), Origin("prompted", "prompted", "atoll-prompted", "1.0"))
settings = Settings(Paths.from_environment())
settings.declare([provided.record for provided in registry.collect("atoll_settings")])
leave(run_shell(Program(registry, settings, settings.environ)))
