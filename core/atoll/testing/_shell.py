"""A shell in the test's process, with exactly the plugins that a test adds."""

from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

from attrs import define, field, frozen

from atoll import _builtin, _shell
from atoll._batch import Batch
from atoll._paths import Paths
from atoll._plugins import Origin, Registry, discover
from atoll._program import Program
from atoll._settings import Settings
from atoll._state import ShellState
from atoll._terminal import Source
from atoll._warnings import warn
from atoll.hookspecs import SETTINGS

_BUILT_IN = {
    "builtin": _builtin,
    "shell": _shell,
}


@frozen
class Result:
    """The result of lines: standard output, standard error, and the exit code."""

    stdout: str
    stderr: str
    code: int


@define
class Shell:
    """A shell whose home is `home`, with the built-in plugins and those that are added."""

    home: Path
    environ: dict[str, str] = field(factory=dict)
    _plugins: list[tuple[object, Origin]] = field(factory=list)

    def add(self, plugin: object, name: str = "tested") -> None:
        """Add a plugin: a module, or any object with hook implementations."""
        self._plugins.append((plugin, Origin(name, name, f"atoll-{name}", "1.0")))

    def load(self, *names: str) -> None:
        """Add installed plugins, by the names in `atoll plugins`: `rest`, `sessions`."""
        installed = {origin.name: origin for origin in discover().origins}
        for name in names:
            if name not in installed:
                raise LookupError(f"no plugin {name} is installed: {', '.join(sorted(installed))}")
            self._plugins.append((import_module(installed[name].module), installed[name]))

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
        """Run lines as a script does; `stdin` is the input of the commands."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            batch = Batch(self.program(), keep_going)
            code = await batch.run(Source.of_text(lines), stdin=Source.of_text(stdin))
        return Result(out.getvalue(), err.getvalue(), int(code))

    async def complete(self, line: str) -> list[str]:
        """Return what Tab offers at the end of a line, after all plugins that know names were
        asked.
        """
        from atoll._shell.candidates import Candidates
        from atoll._shell.contexts import shell_context
        from atoll._shell.cursor_place import place
        from atoll._shell.names import names_of
        from atoll._shell.system_shells import look_up

        program, where = self.program(), place(line)
        names = names_of(program)
        candidates = Candidates(program, names)
        try:
            context = shell_context(program, ShellState())
            await look_up(context, names, candidates.at(where).queries)
            return [one.text for one in candidates.at(where).found]
        finally:
            await program.aclose()

    def toolbar(self, state: ShellState | None = None, *, width: int = 200) -> str:
        """Return the toolbar of a prompt that is `width` cells wide, for a state of the prompt."""
        from atoll._shell.toolbar import Toolbar

        return Toolbar(self.program().registry, state or ShellState()).draw(width)
