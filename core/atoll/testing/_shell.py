"""The shell in process, with exactly the plugins that a test names."""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from attrs import define, field, frozen

from atoll import _builtin, _shell
from atoll._batch import Batch
from atoll._paths import Paths
from atoll._plugins import Origin, Registry
from atoll._program import Program
from atoll._settings import Settings
from atoll._terminal import Source
from atoll._warnings import warn
from atoll.hookspecs import SETTINGS

_BUILT_IN = {
    "builtin": _builtin,
    "shell": _shell,
}


@frozen
class Result:
    """What lines did: their data, everything else they said, and the exit code."""

    stdout: str
    stderr: str
    code: int


@define
class Shell:
    """A shell whose home is `home`, with the plugins added to it and those built in."""

    home: Path
    environ: dict[str, str] = field(factory=dict)
    _plugins: list[tuple[object, Origin]] = field(factory=list)

    def add(self, plugin: object, name: str = "tested") -> None:
        """Add a plugin: a module, or any object with hook implementations."""
        self._plugins.append((plugin, Origin(name, name, f"atoll-{name}", "1.0")))

    def program(self) -> Program:
        """Build the program as a front door does."""
        environ = {"ATOLL_HOME": str(self.home), **self.environ}
        settings = Settings(Paths.from_environment(environ), environ)
        registry = Registry(warn, settings.preferred_plugins)
        for name, module in _BUILT_IN.items():
            registry.register(module, Origin(name, module.__name__, "atoll", "0"))
        for plugin, origin in self._plugins:
            registry.register(plugin, origin)
        registry.check_hooks()
        settings.declare([provided.record for provided in registry.collect(SETTINGS)])
        return Program(registry, settings, environ)

    async def run(self, lines: str, *, stdin: str = "", keep_going: bool = False) -> Result:
        """Run lines as a script does; `stdin` is what commands read."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            batch = Batch(self.program(), keep_going)
            code = await batch.run(Source.of_text(lines), stdin=Source.of_text(stdin))
        return Result(out.getvalue(), err.getvalue(), int(code))
